from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from streamdet.graph import PipelineGraph
from streamdet.graph.layout import cells
from streamdet.graph.mermaid import caption, to_mermaid
from streamdet.graph.svg import to_svg
from tests.graph.graphs import PEOPLE, load_text, people

SCENES = ["synthetic:street", "synthetic:street?seed=2"]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def graph(tmp_path: Path) -> PipelineGraph:
    sets = ["detect.replicas=2", "output-2.reads=[camera, camera-2]"]
    outputs = ["o.jsonl", "o.mp4", "o.txt"]
    return load_text(PEOPLE, tmp_path, sources=SCENES, outputs=outputs, overrides=sets)


def test_mermaid_draws_nodes_processes_and_joins(tmp_path: Path) -> None:
    drawn = to_mermaid(load_text(PEOPLE, tmp_path, overrides=["detect.model=yolox_nano"]))
    assert (
        drawn
        == """\
flowchart LR
    subgraph g_front["process front"]
        n_camera["camera<br/>synthetic"]
        n_prepare["prepare<br/>letterbox"]
    end
    n_detect["detect<br/>yolox, yolox_nano"]
    subgraph g_back["process back"]
        n_track["track<br/>byte_track"]
        n_publish["publish<br/>redis_stream"]
    end
    n_camera --> n_prepare
    n_prepare --> n_detect
    n_detect --> n_track
    n_track --> n_publish
"""
    )


def test_captions_count_replicas_and_sources(graph: PipelineGraph, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    two = load_text(people(camera=f"kind: source, uri: '{tmp_path}/*.mp4'"), tmp_path)
    assert caption(two.nodes["camera"]) == "file, 2 sources"
    assert caption(graph.nodes["detect"]) == "hog_svm, hog_people, x2"


def test_no_two_nodes_share_a_cell_and_frames_go_right(graph: PipelineGraph) -> None:
    placed = cells(graph)
    assert len(set(placed.values())) == len(graph.nodes)
    for node in graph.nodes.values():
        assert all(placed[read][0] < placed[node.name][0] for read in node.reads)


def test_no_box_of_a_process_lies_over_a_node_of_another(graph: PipelineGraph) -> None:
    placed = cells(graph)
    for group in graph.groups:
        columns, rows = zip(*(placed[node.name] for node in group.nodes), strict=True)
        for node in graph.nodes.values():
            column, row = placed[node.name]
            inside = min(columns) <= column <= max(columns) and min(rows) <= row <= max(rows)
            assert inside == (node.process == group.name)


def test_svg_is_xml_with_every_name_and_one_arrow_a_join(graph: PipelineGraph) -> None:
    root = ET.fromstring(to_svg(graph))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    arrows = [path for path in root.iter(f"{SVG}path") if path.get("marker-end")]
    assert {*graph.nodes, "people", "process front", "process back"} <= set(texts)
    assert len(arrows) == sum(len(node.reads) for node in graph.nodes.values())


def test_drawings_escape_what_a_name_of_a_model_may_hold(tmp_path: Path) -> None:
    model = tmp_path / "m.yaml"
    model.write_text(
        'name: "<b>&\\"#"\ndetector: hog_svm\nclasses: [person]\nscore_thresh: 0.5\n'
        "iou_thresh: 0.5\ntransform: {kind: stretch, hw: [64, 64]}\n"
    )
    graph = load_text(PEOPLE, tmp_path, overrides=[f"detect.model={model}"])
    assert "hog_svm, #60;b#62;#38;#34;#35;" in to_mermaid(graph)
    texts = [element.text for element in ET.fromstring(to_svg(graph)).iter(f"{SVG}text")]
    assert 'hog_svm, <b>&"#' in texts


def test_long_texts_are_cut_in_the_svg_and_whole_in_its_title(tmp_path: Path) -> None:
    name = "x" * 40
    svg = to_svg(load_text(PEOPLE.replace("publish", name), tmp_path))
    assert f">{'x' * 29}…<" in svg
    assert f"<title>{name} (sink)" in svg
