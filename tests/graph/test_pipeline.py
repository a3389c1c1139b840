from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.graph import Node, PipelineGraph
from streamdet.graph.pipeline import in_order, upstream
from tests.graph.graphs import PEOPLE, load_text

SCENES = ["synthetic:street", "synthetic:street?seed=2"]


def names(nodes: list[Node]) -> list[str]:
    return [node.name for node in nodes]


@pytest.fixture
def graph(tmp_path: Path) -> PipelineGraph:
    """Two cameras; the video sink has a process of its own."""
    return load_text(PEOPLE, tmp_path, sources=SCENES, outputs=["o.mp4", "o.jsonl"])


def test_readers_are_the_direct_ones(graph: PipelineGraph) -> None:
    assert names(graph.readers("camera")) == ["prepare"]
    assert names(graph.readers("track")) == ["publish", "output-1", "output-2"]
    assert graph.readers("publish") == []


def test_downstream_is_near_and_far(graph: PipelineGraph) -> None:
    expected = ["detect", "track", "publish", "output-1", "output-2"]
    assert names(graph.downstream("prepare-2")) == expected


def test_sources_reaching_a_node_are_those_above_it(graph: PipelineGraph) -> None:
    assert graph.sources_reaching("prepare-2") == ("street-2",)
    assert graph.sources_reaching("camera") == ("street",)
    assert graph.sources_reaching("output-1") == ("street", "street-2")


def test_image_readers_are_transforms_detectors_and_sinks_that_need_images(
    graph: PipelineGraph,
) -> None:
    assert names(graph.image_readers("camera")) == ["prepare", "output-1"]
    assert names(graph.image_readers("prepare")) == ["detect"]
    assert graph.image_readers("detect") == []


def test_slot_readers_are_other_processes_only(graph: PipelineGraph) -> None:
    assert [group.name for group in graph.slot_readers("camera")] == ["output-1"]
    assert [group.name for group in graph.slot_readers("prepare-2")] == ["detect"]


def test_two_readers_in_one_process_free_a_slot_once(tmp_path: Path) -> None:
    outputs = {"outputs": ["a.mp4", "b.mp4"]}
    sets = ["output-1.process=back", "output-2.process=back"]
    graph = load_text(PEOPLE, tmp_path, overrides=sets, **outputs)
    assert [group.name for group in graph.slot_readers("camera")] == ["back"]


def test_groups_start_with_their_entry(graph: PipelineGraph) -> None:
    assert [(group.name, names(list(group.nodes))) for group in graph.groups] == [
        ("front", ["camera", "prepare"]),
        ("front-2", ["camera-2", "prepare-2"]),
        ("detect", ["detect"]),
        ("back", ["track", "publish", "output-2"]),
        ("output-1", ["output-1"]),
    ]
    assert graph.groups[3].first.name == "track"
    assert graph.group_of("publish").name == "back"


def test_a_group_has_the_replicas_of_its_nodes(tmp_path: Path) -> None:
    graph = load_text(PEOPLE, tmp_path, overrides=["detect.replicas=3"])
    assert [group.replicas for group in graph.groups] == [1, 3, 1]


def test_in_order_leaves_out_cycles_and_what_is_behind_them() -> None:
    reads = {"c": ("b",), "b": ("a",), "a": (), "x": ("y",), "y": ("x",), "z": ("y",)}
    assert list(in_order(reads)) == ["a", "b", "c"]


def test_upstream_holds_near_and_far() -> None:
    found = upstream({"a": (), "b": ("a",), "c": ("b",)})
    assert found["c"] == {"a", "b"}


def test_a_tracker_that_looks_at_images_reads_slots(tmp_path: Path) -> None:
    sets = ["track.kind=bot_sort", "track.camera_motion=sparse_flow", "track.process=back"]
    looking = load_text(PEOPLE, tmp_path, overrides=sets)
    assert [group.name for group in looking.slot_readers("camera")] == ["back"]
    blind = load_text(PEOPLE, tmp_path, overrides=[*sets[::2]])
    assert blind.slot_readers("camera") == []
