"""A second detector that reads a crop: who may read whom, what it reads, what its classes are."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.archive.detection_graph import split
from streamdet.errors import ConfigError
from streamdet.graph import PipelineGraph
from streamdet.worker.plan import class_names
from tests.graph.graphs import faults, load_text, people

CROP = "kind: crop, reads: track, process: back"
SECOND = "kind: detector, reads: crop, model: street"
OF_A_FILE = "proposals: file, proposals_from: boxes.txt"


def cascade(**lines: str) -> str:
    stated = {"crop": CROP, "second": SECOND, "publish": "kind: redis_stream, reads: second"}
    return people(**{**stated, **lines})


@pytest.fixture
def graph(tmp_path: Path) -> PipelineGraph:
    return load_text(cascade(), tmp_path)


def test_the_second_detector_reads_the_source_images_and_crop_none(graph: PipelineGraph) -> None:
    assert [node.name for node in graph.image_readers("camera")] == ["prepare", "second"]
    assert [group.name for group in graph.slot_readers("camera")] == ["second"]
    assert [node.name for node in graph.image_readers("prepare")] == ["detect"]


def test_the_models_of_both_are_named_and_their_classes_numbered_through(
    graph: PipelineGraph,
) -> None:
    street = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
    assert class_names(graph) == {
        "hog_people": ("person",),
        "hog_people+street": ("person", *street),
    }


def test_a_third_detector_numbers_on(tmp_path: Path) -> None:
    more = "kind: crop, reads: second"
    third = "kind: detector, reads: more, model: rpn"
    publish = "kind: redis_stream, reads: third"
    graph = load_text(cascade(more=more, third=third, publish=publish), tmp_path)
    names = class_names(graph)["hog_people+street+rpn"]
    assert (len(names), names[:2], names[7:]) == (8, ("person", "person"), ("object",))


def test_an_output_reads_what_the_second_detector_finds(tmp_path: Path) -> None:
    graph = load_text(cascade(), tmp_path, outputs=["x.jsonl"])
    assert graph.nodes["output-1"].reads == ("second",)
    zones = "kind: lines, reads: second, lines: {gate: {line: [[0, 0], [1, 1]]}}"
    behind = cascade(zones=zones, publish="kind: redis_stream, reads: zones")
    assert load_text(behind, tmp_path, outputs=["x.jsonl"]).nodes["output-1"].reads == ("zones",)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            {"second": "kind: detector, reads: track, model: street"},
            "second.reads joins second to 'track', which is a tracker: a detector must be read"
            " from a transform or crop",
        ),
        (
            {"second": "kind: detector, reads: [crop, prepare], model: street"},
            "second.reads must be the crop alone, got crop, prepare",
        ),
        (
            {
                "again": "kind: sort, reads: second",
                "publish": "kind: redis_stream, reads: again",
            },
            "again.reads joins again to 'second', which detects in crops: a tracker must stand"
            " before the crop, so that what is found there belongs to its tracks",
        ),
        (
            {"crop": f"{CROP}, classes: [cat]"},
            "crop.classes must name classes of the model, got 'cat'; there is person",
        ),
        (
            {"second": "kind: rpn, reads: crop, model: rpn, classes: [cat]"},
            "second.classes asks for a class that the model lacks",
        ),
        (
            {"second": f"{SECOND.replace('street', 'fast_rcnn')}, {OF_A_FILE}"},
            "second.proposals must not be file: the file's proposals are of whole frames",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    lines: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    assert any(sentence in said for said in faults(cascade(**lines), tmp_path))


def test_a_crop_that_nobody_reads_is_told(tmp_path: Path) -> None:
    (said,) = faults(people(crop=CROP), tmp_path)
    assert "crop is read by no node" in said


def test_an_archive_refuses_it(graph: PipelineGraph) -> None:
    with pytest.raises(ConfigError, match="second detects in crops of tracked objects, which an"):
        split(graph)
