from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.graph import load_graph
from tests.graph.graphs import faults, load_text, people

NETWORK = "kind: detector, reads: prepare, model: yolox_nano"


def test_the_model_chooses_detector_and_transform(tmp_path: Path) -> None:
    nodes = load_text(people(detect=NETWORK), tmp_path).nodes
    assert (nodes["prepare"].kind, nodes["detect"].kind) == ("letterbox", "yolox")
    assert nodes["prepare"].options.model_dump()["hw"] == (416, 416)
    assert nodes["detect"].model is not None
    assert nodes["detect"].model.name == "yolox_nano"


def test_a_transform_keeps_options_of_its_own(tmp_path: Path) -> None:
    text = people(detect=NETWORK, prepare="kind: transform, reads: camera, pad: 7, process: front")
    options = load_text(text, tmp_path).nodes["prepare"].options
    assert options.model_dump()["pad"] == 7


def test_source_ids_are_unique_in_the_graph(tmp_path: Path) -> None:
    graph = load_text(people(), tmp_path, sources=["synthetic:street", "synthetic:street?seed=2"])
    ids = [item.source_id for node in graph.nodes_of_role("source") for item in node.items]
    assert ids == ["street", "street-2"]


def test_a_camera_takes_its_password_from_the_environment(tmp_path: Path) -> None:
    line = "kind: source, uri: 'rtsp://u:${DOOR_PASSWORD}@cam/door', transport: udp, process: front"
    path = tmp_path / "g.yaml"
    path.write_text(people(camera=line))
    camera = load_graph(path, environ={"DOOR_PASSWORD": "hunter2"}).nodes["camera"]
    assert (camera.kind, camera.items[0].source_id) == ("live", "cam_door")
    assert camera.items[0].uri == "rtsp://u:hunter2@cam/door"
    assert camera.options.model_dump()["transport"] == "udp"
    assert "hunter2" not in repr(camera)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ({"camera": "kind: source"}, "4: camera.uri is missing: a source must say what it reads"),
        ({"camera": "kind: source, uri: [a]"}, "4: camera.uri must be text: a source must say"),
        ({"camera": "kind: source, uri: /no/x"}, "4: camera.uri is not a source: /no/x: no such"),
        (
            {"camera": "kind: source, uri: 'rstp://u:hunter2@cam'"},
            "4: camera.uri is not a source: rstp:// is not a kind of address; did you mean rtsp://",
        ),
        (
            {"camera": "kind: source, uri: 'rtsp://cam', transport: tpc"},
            "4: camera.transport must be 'tcp' or 'udp' (perhaps 'tcp'), got 'tpc'",
        ),
        (
            {"camera": "kind: file, uri: 'synthetic:street'"},
            "4: camera.kind must be synthetic (or source) for this uri, got file",
        ),
        (
            {"camera": "kind: source, uri: 'synthetic:street', evry: 2"},
            "4: camera.evry is an unknown key; did you mean 'every'?",
        ),
        (
            {"detect": "kind: detector, reads: prepare"},
            "6: detect.model is missing: the model says which detector it is for",
        ),
        (
            {"detect": "kind: detector, reads: prepare, model: yolox_nan"},
            "6: detect.model is not a model: 'yolox_nan' is none of configs/models: did you mean",
        ),
        (
            {"detect": "kind: hog_svm, reads: prepare, model: yolox_nano"},
            "6: detect.model must be made for hog_svm, got 'yolox_nano', which is made for",
        ),
        (
            {"detect": "kind: detector, reads: prepare, model: hog_people, classes: [persn]"},
            "6: detect.classes asks for a class that the model lacks: model 'hog_people' has no "
            "class 'persn', did you mean 'person'?; say --set 'detect.classes=[person]', or --set "
            "detect.classes=null for all",
        ),
        (
            {"detect": "kind: detector, reads: prepare, model: hog_people, classes: [gate]"},
            "6: detect.classes asks for a class that the model lacks: model 'hog_people' has no "
            "class 'gate'; it has person; say --set 'detect.classes=[person]', or --set detect.cl",
        ),
        (
            {"detect": "kind: detector, reads: prepare, model: hog_people, replica: 2"},
            "6: detect.replica is an unknown key; did you mean 'replicas'?",
        ),
        (
            {"other": NETWORK, "save": "kind: jsonl, reads: other, path: x"},
            "5: prepare.kind cannot be chosen: 'detect' and 'other' want different images",
        ),
    ],
)
def test_what_cannot_be_chosen_is_one_sentence(
    lines: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    (line,) = faults(people(**lines), tmp_path)
    assert line.startswith(f"g.yaml:{sentence}")
