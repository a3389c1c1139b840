from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.config.files import shipped, shipped_names
from streamdet.graph import load_graph
from tests.graph.graphs import faults, load_text, people

NETWORK = "kind: detector, reads: prepare, model: yolox_nano"


def test_swscale_outside_the_cameras_process_is_refused(tmp_path: Path) -> None:
    text = people(prepare="kind: transform, reads: camera, resample: swscale")
    assert faults(text, tmp_path) == [
        "g.yaml:5: prepare.resample must be bilinear outside the process of 'camera', got swscale, "
        "which works on the decoder's own memory"
    ]


def test_swscale_in_the_cameras_process_is_accepted(tmp_path: Path) -> None:
    text = people(prepare="kind: transform, reads: camera, resample: swscale, process: front")
    assert load_text(text, tmp_path).nodes["prepare"].options.model_dump()["resample"] == "swscale"


def test_an_image_of_another_size_than_the_networks_is_refused(tmp_path: Path) -> None:
    text = people(detect=NETWORK, prepare="kind: letterbox, reads: camera, hw: [320, 416]")
    assert faults(text, tmp_path) == [
        "g.yaml:6: detect.reads brings images of 320x416 (height x width) from 'prepare', "
        "wanted 416x416 (height x width)"
    ]


def test_an_image_whose_size_varies_is_refused_by_a_network(tmp_path: Path) -> None:
    text = people(
        detect=NETWORK,
        prepare="kind: shortest_edge, reads: camera, shortest_edge: 416, longest_edge: 800",
    )
    assert "detect.reads brings images of 416x" in faults(text, tmp_path)[0]


@pytest.mark.parametrize("name", shipped_names("configs/models"))
def test_every_shipped_model_fits_the_graph_of_people(name: str) -> None:
    graph = load_graph(
        shipped("pipelines") / "people.yaml",
        sources=[],
        outputs=[],
        overrides=[f"detect.model={name}", "detect.classes=null"],
        environ={},
    )
    model = graph.nodes["detect"].model
    assert model is not None
    assert model.name == name


def test_r_cnn_takes_images_of_any_size(tmp_path: Path) -> None:
    text = people(
        detect="kind: detector, reads: prepare, model: rcnn_resnet18",
        prepare="kind: shortest_edge, reads: camera, shortest_edge: 416, longest_edge: 800",
    )
    assert load_text(text, tmp_path).nodes["detect"].kind == "rcnn"


def test_a_larger_image_is_accepted_that_a_scale_brings_to_the_networks_size(
    tmp_path: Path,
) -> None:
    larger = "kind: letterbox, reads: camera, hw: [832, 832]"
    scaled = people(detect=f"{NETWORK}, scales: [0.5, 1.0]", prepare=larger)
    assert load_text(scaled, tmp_path).nodes["detect"].kind == "yolox"
    assert faults(people(detect=f"{NETWORK}, scales: [0.6, 1.0]", prepare=larger), tmp_path) == [
        "g.yaml:6: detect.reads brings images of 832x832 (height x width) from 'prepare', wanted "
        "416x416 (height x width), as it is or at one of the scales [0.6, 1.0]"
    ]


def test_a_file_of_proposals_fits_one_source_but_any_number_of_replicas(tmp_path: Path) -> None:
    text = people(
        detect="kind: detector, reads: prepare, model: rcnn_resnet18, proposals: file, "
        "proposals_from: b.txt, replicas: 2"
    )
    assert load_text(text, tmp_path).nodes["detect"].replicas == 2
    two = ["synthetic:street", "synthetic:street?seed=2"]
    assert faults(text, tmp_path, sources=two) == [
        "g.yaml:6: detect.proposals must not be file with 2 sources (street, street-2): "
        "its frames are those of one"
    ]


def test_a_file_of_proposals_fits_one_size_of_the_image(tmp_path: Path) -> None:
    detect = (
        "kind: detector, reads: prepare, model: rcnn_resnet18, proposals: file, "
        "proposals_from: b.txt, scales: "
    )
    assert load_text(people(detect=f"{detect}[1.0]"), tmp_path).nodes["detect"].kind == "rcnn"
    assert faults(people(detect=f"{detect}[0.5, 1.0]"), tmp_path) == [
        "g.yaml:6: detect.proposals must not be file with scales [0.5, 1.0]: "
        "its boxes are of one size"
    ]


def parallel_front(folder: Path, **lines: str) -> str:
    """Three files read two at once; the videos are only looked at by name."""
    for number in range(3):
        (folder / f"{number}.mp4").write_bytes(b"?")
    camera = f"kind: source, uri: '{folder}/*.mp4', process: front, parallel: 2"
    return people(camera=camera, **lines)


def test_files_read_at_once_need_their_sinks_in_another_process(tmp_path: Path) -> None:
    alone = "kind: jsonl, reads: camera, path: o.jsonl"
    assert load_text(parallel_front(tmp_path, raw=alone), tmp_path).group_of("camera").replicas == 2
    assert faults(parallel_front(tmp_path, raw=f"{alone}, process: front"), tmp_path) == [
        "g.yaml:4: camera.parallel must be 1, got 2: 'raw' in its process is a sink, which one "
        "process writes; give 'raw' another `process`"
    ]


def test_an_output_of_what_files_at_once_find_has_its_own_process(tmp_path: Path) -> None:
    front = {
        "detect": "kind: detector, reads: prepare, model: hog_people, process: front",
        "track": "kind: sort, reads: detect, process: front",
        "publish": "kind: redis_stream, reads: track",
    }
    graph = load_text(parallel_front(tmp_path, **front), tmp_path, outputs=["o.jsonl"])
    assert [node.process for node in graph.nodes_of_role("sink")] == ["publish", "output-1"]


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [
        ("parallel: 0", "g.yaml:4: camera.parallel must be at least 1 or 'auto', got 0"),
        (
            "parallel: two",
            "g.yaml:4: camera.parallel must be a whole number or 'auto', got 'two'",
        ),
        (
            "replicas: 2",
            "g.yaml:4: camera.replicas must be 1, got 2: 'camera' in its process is a source, "
            "which meets frames in order; several files are read at once by `parallel`",
        ),
    ],
)
def test_wrong_numbers_of_files_at_once_are_refused(
    tmp_path: Path, stated: str, sentence: str
) -> None:
    text = parallel_front(tmp_path).replace("parallel: 2", stated)
    assert faults(text, tmp_path) == [sentence]


def test_auto_reads_as_many_files_at_once_as_there_are_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    text = parallel_front(tmp_path).replace("parallel: 2", "parallel: auto")
    assert load_text(text, tmp_path).group_of("camera").replicas == 2


def test_only_files_are_read_at_once(tmp_path: Path) -> None:
    camera = "kind: source, uri: 'synthetic:street', parallel: 2"
    assert "camera.parallel is an unknown key" in faults(people(camera=camera), tmp_path)[0]
