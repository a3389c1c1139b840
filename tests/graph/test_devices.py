"""Which nodes a GPU may work on, and that no image is copied unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.graph.graphs import faults, load_text, people

CAMERA = 'kind: source, uri: "synthetic:street", device: "cuda:0"'
PREPARE = 'kind: transform, reads: camera, device: "cuda:0"'
ON_GPU = (
    'kind: detector, reads: prepare, model: people, classes: [person], device: "cuda:0",'
    " runtime: onnxruntime, copy: true"
)
DETECT = "kind: detector, reads: prepare, model: people, classes: [person], copy: true"


def test_a_graph_may_decode_and_prepare_on_a_gpu(tmp_path: Path) -> None:
    graph = load_text(people(camera=CAMERA, prepare=PREPARE, detect=DETECT), tmp_path)
    assert graph.gpus == ("cuda:0",)
    assert [node.device for node in graph.nodes.values()] == ["cuda:0", "cuda:0", *["cpu"] * 3]


@pytest.mark.parametrize(
    ("nodes", "sentence"),
    [
        (
            {"camera": CAMERA},
            "g.yaml:5: prepare.reads brings images of 'camera', which lie on cuda:0, to the CPU:"
            " say `copy: true` at 'prepare' to have each one copied, or `device: cuda:0`",
        ),
        (
            {"prepare": PREPARE, "detect": DETECT},
            "g.yaml:5: prepare.reads brings images of 'camera', which lie on the CPU, to cuda:0:"
            " say `copy: true` at 'prepare' to have each one copied, or `device: cpu`",
        ),
        (
            {"camera": CAMERA, "prepare": PREPARE, "detect": DETECT.replace(", copy: true", "")},
            "g.yaml:6: detect.reads brings images of 'prepare', which lie on cuda:0, to the CPU:"
            " say `copy: true` at 'detect' to have each one copied",
        ),
        (
            {"show": "kind: video, reads: track, path: out.mp4", "camera": CAMERA,
             "prepare": PREPARE, "detect": DETECT},
            "g.yaml:9: show.reads brings images of 'camera', which lie on cuda:0, to the CPU:"
            " say `copy: true` at 'show' to have each one copied",
        ),
        (
            {"detect": DETECT + ', device: "cuda:0"'},
            "g.yaml:6: detect.runtime must be onnxruntime or tensorrt or torch on a GPU, got"
            " auto",
        ),
        (
            {"detect": DETECT.replace("people", "yolo_v1") + ', device: "cuda:0"'},
            "g.yaml:6: detect.device must be cpu, got cuda:0: detector yolo of model 'yolo_v1' has"
            " no kernels; with `copy: true` it gets its images on the CPU",
        ),
        (
            {"detect": ON_GPU + ", suppression: soft_linear"},
            "g.yaml:6: detect.suppression must be greedy on cuda:0, got soft_linear",
        ),
        (
            {"detect": ON_GPU + ", scales: [0.5, 1.0]"},
            "g.yaml:6: detect.scales must be [1.0] on cuda:0, got [0.5, 1.0]",
        ),
        (
            {"detect": ON_GPU.replace("people", "fast_rcnn_resnet18")
             + ", proposals: selective_search"},
            "g.yaml:6: detect.proposals must be sliding or file on cuda:0, got selective_search",
        ),
        (
            {"detect": ON_GPU.replace("copy: true", "copy: false")},
            "g.yaml:6: detect.reads brings images of 'prepare', which lie on the CPU, to cuda:0:"
            " say `copy: true` at 'detect' to have each one copied",
        ),
        (
            {"write": 'kind: jsonl, reads: track, path: out.jsonl, device: "cuda:0"'},
            "g.yaml:9: write.device must be cpu, got cuda:0: it writes on the CPU; one that shows"
            " images gets them with `copy: true`",
        ),
        (
            {"track": 'kind: byte_track, reads: detect, device: "cuda:0"'},
            "g.yaml:7: track.device must be cpu, got cuda:0: it works on the CPU; one that"
                " looks at images gets them with `copy: true`",
        ),
        (
            {"camera": CAMERA, "prepare": PREPARE + ", resample: swscale", "detect": DETECT},
            "g.yaml:5: prepare.resample must be bilinear on cuda:0, got swscale",
        ),
        (
            {"camera": CAMERA, "prepare": PREPARE.replace("0", "1"), "detect": DETECT},
            "g.yaml:5: prepare.device must be cuda:0, as at 'camera', got cuda:1: a graph works on"
            " one GPU; start a run for each",
        ),
        (
            {"camera": CAMERA.replace("cuda:0", "gpu")},
            "g.yaml:4: camera.device must be text of the form ^(cpu|cuda:[0-9]+)$, got 'gpu'",
        ),
    ],
    ids=["down", "up", "prepared", "sink", "no runtime", "no kernels", "suppression", "scales",
         "proposals", "detector", "a sink", "tracker", "swscale", "two GPUs", "name"],
)  # fmt: skip
def test_what_would_copy_unasked_or_cannot_be_is_refused(
    tmp_path: Path, nodes: dict[str, str], sentence: str
) -> None:
    assert sentence in faults(people(**nodes), tmp_path)


def test_a_graph_may_detect_on_a_gpu(tmp_path: Path) -> None:
    detect = ON_GPU.replace(", copy: true", "")
    graph = load_text(people(camera=CAMERA, prepare=PREPARE, detect=detect), tmp_path)
    assert graph.nodes["detect"].device == "cuda:0"


def test_a_sink_without_images_needs_no_copy(tmp_path: Path) -> None:
    lines = "kind: jsonl, reads: track, path: out.jsonl"
    load_text(people(camera=CAMERA, prepare=PREPARE, detect=DETECT, write=lines), tmp_path)


def test_a_video_may_be_drawn_on_the_gpu_that_has_its_images(tmp_path: Path) -> None:
    lines = 'kind: video, reads: track, path: out.mp4, device: "cuda:0"'
    load_text(people(camera=CAMERA, prepare=PREPARE, detect=DETECT, show=lines), tmp_path)


def test_a_sink_that_shows_images_may_ask_for_copies(tmp_path: Path) -> None:
    lines = "kind: video, reads: track, path: out.mp4, copy: true"
    load_text(people(camera=CAMERA, prepare=PREPARE, detect=DETECT, show=lines), tmp_path)
