"""A run keeps the input sizes that its sources need, and those that keep up with its cameras."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.graph import Node, PipelineGraph, load_graph
from streamdet.models.input_size import used_hws
from streamdet.models.model_config import Hw
from streamdet.run.choose_inputs import ChosenInputs, choose_inputs
from streamdet.sources import SourceInfo

CAMERAS = ("rtsp://127.0.0.1:1/a", "rtsp://127.0.0.1:1/b")


def graph_of(*sources: str, **overrides: object) -> PipelineGraph:
    sets = [f"detect.{key}={value}" for key, value in overrides.items()]
    return load_graph("people", sources=sources, overrides=sets)


def refused(node: Node) -> float:
    raise AssertionError("a file's size needs no measurement")


def hws(chosen: ChosenInputs) -> tuple[Hw, ...]:
    """The sizes of the detector; those of its transform are the same."""
    detect, prepare = chosen.graph.nodes["detect"], chosen.graph.nodes["prepare"]
    assert detect.model is not None
    stated = getattr(prepare.options, "sizes", ()) or (getattr(prepare.options, "hw", None),)
    assert set(stated) <= set(used_hws(detect.model))
    return tuple(stated)


def of_scenes(*sizes: Hw, **overrides: object) -> ChosenInputs:
    graph = graph_of(*(f"synthetic:street?seed={n}" for n in range(len(sizes))), **overrides)
    ids = [item.source_id for node in graph.nodes_of_role("source") for item in node.items]
    return choose_inputs(
        graph, {name: SourceInfo(hw, 1) for name, hw in zip(ids, sizes, strict=True)}, refused
    )


def test_files_of_one_resolution_need_one_size() -> None:
    chosen = of_scenes((1080, 1920))
    assert hws(chosen) == ((544, 960),)
    assert chosen.notes["detect"].startswith("input 544x960 for 1080x1920 (budget balanced: ")


def test_vga_keeps_the_models_own_size() -> None:
    assert hws(of_scenes((480, 640))) == ((352, 416),)


def test_a_stated_size_is_no_choice() -> None:
    chosen = of_scenes((1080, 1920), input="384x640")
    assert (hws(chosen), chosen.notes) == (((384, 640),), {})


def test_the_best_budget_takes_all_of_a_sources_resolution() -> None:
    assert hws(of_scenes((480, 640), budget="best")) == ((480, 640),)


@pytest.mark.parametrize(
    ("speed", "largest"),
    [
        # 2 x 25 frames of 544 x 960 pixels cost as much as 178 of 352 x 416, .8 of 223.
        (230.0, (640, 832)),  # for 4:3; cameras of 1080p use 544x960
        (220.0, (480, 640)),  # for 4:3; cameras of 1080p use 384x640
        (50.0, (352, 416)),
        (1.0, (352, 416)),  # too slow for any
    ],
)
def test_cameras_get_the_largest_size_that_keeps_up(speed: float, largest: Hw) -> None:
    chosen = choose_inputs(graph_of(*CAMERAS), {}, lambda node: speed)
    sizes = hws(chosen)
    assert max(sizes, key=lambda hw: hw[0] * hw[1]) == largest
    assert "50 frames a second are wanted" in chosen.notes["detect"]


def test_a_model_of_one_size_is_left_alone() -> None:
    graph = graph_of("synthetic:street", model="hog_people")
    assert choose_inputs(graph, {}, refused).graph.nodes == graph.nodes


TWO_DETECTORS = """
version: 1
nodes:
  camera: {kind: source, uri: "synthetic:street"}
  prepare: {kind: transform, reads: camera}
  detect: {kind: detector, reads: prepare, model: people}
  again: {kind: detector, reads: prepare, model: people}
  publish: {kind: redis_stream, reads: detect, stream: found}
  other: {kind: redis_stream, reads: again, stream: others}
"""


def test_detectors_that_share_a_transform_see_the_same_sizes(tmp_path: Path) -> None:
    """Measured by itself the second is too slow for what the first keeps up with."""
    path = tmp_path / "two.yaml"
    path.write_text(TWO_DETECTORS)
    speeds = {"detect": 230.0, "again": 1.0}
    graph = load_graph(path, sources=CAMERAS)
    nodes = choose_inputs(graph, {}, lambda node: speeds[node.name]).graph.nodes
    first, second = nodes["detect"].model, nodes["again"].model
    assert first is not None
    assert second is not None
    assert first.hws == second.hws == getattr(nodes["prepare"].options, "sizes", None)
    assert (544, 960) in first.hws
