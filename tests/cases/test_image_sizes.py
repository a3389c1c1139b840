"""Truths that say nothing of an image's size, where the image's file knows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamdet.errors import ConfigError
from streamdet.evaluation.results import read_results
from streamdet.evaluation.scores import score_results
from streamdet.evaluation.truth import Truth
from streamdet.evaluation.truths.images import read_truth
from streamdet.evaluation.truths.video import read_video_truth
from streamdet.training.examples import Faults, examples_of
from streamdet.training.recipe import DataSource
from tests.evaluation.scenes import coco_dict, write_json

OBJECT = (
    "<object><name>cat</name><bndbox><xmin>11</xmin><ymin>21</ymin><xmax>50</xmax><ymax>60</ymax>"
    "</bndbox></object>"
)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with a.png of 90 x 80 pixels."""
    folder = tmp_path / "img"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.zeros((80, 90, 3), np.uint8))
    return folder


def voc(folder: Path, size: str) -> Path:
    folder.joinpath("voc").mkdir()
    text = f"<annotation><filename>a.png</filename>{size}{OBJECT}</annotation>"
    folder.joinpath("voc", "a.xml").write_text(text)
    return folder / "voc"


def coco(folder: Path, hw: dict[str, Any]) -> Path:
    image = {"id": 1, "file_name": "a.png", **hw}
    return write_json(folder / "t.json", coco_dict() | {"images": [image]})


def ap(truth: Truth, folder: Path) -> float | None:
    entry = {"image_id": "a.png", "category_id": "cat", "bbox": [10, 20, 40, 40], "score": 0.5}
    found = read_results(write_json(folder / "found.json", [entry]), truth, "bbox")
    return score_results(truth, found, "bbox").coco.metrics["AP"]


@pytest.mark.parametrize(
    "size",
    [
        "",
        "<size/>",
        "<size><width>0</width><height>0</height><depth>0</depth></size>",
        "<size><width></width><height>None</height></size>",
        "<size><width>90</width><height>0</height></size>",
        "<size><width>90.0</width><height> 80 </height></size>",
    ],
)
def test_voc_without_a_size_has_that_of_the_image(tmp_path: Path, images: Path, size: str) -> None:
    truth = read_truth(voc(tmp_path, size), images)
    assert truth.images[1].hw == (80, 90)
    assert ap(truth, tmp_path) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "hw",
    [
        {},
        {"height": 0, "width": 0},
        {"height": None, "width": None},
        {"height": "", "width": "null"},
        {"height": -1, "width": -1},
        {"height": "80", "width": "90.0"},
    ],
)
def test_coco_without_a_size_has_that_of_the_image(
    tmp_path: Path, images: Path, hw: dict[str, Any]
) -> None:
    truth = read_truth(coco(tmp_path, hw), images)
    assert truth.images[1].hw == (80, 90)
    assert ap(truth, tmp_path) == pytest.approx(1.0)


def test_boxes_are_scored_without_any_size_but_masks_are_not(tmp_path: Path) -> None:
    truth = read_truth(coco(tmp_path, {}))
    assert ap(truth, tmp_path) == pytest.approx(1.0)
    with pytest.raises(
        ConfigError, match=r"t.json: images\[0\]: states no size of a.png.*--images"
    ):
        score_results(truth, [], "segm")


def test_a_size_that_nobody_knows_is_refused_or_left_out(tmp_path: Path, images: Path) -> None:
    (images / "a.png").rename(images / "other.png")
    path, told = coco(tmp_path, {}), list[ConfigError]()
    sentence = (
        rf"images\[0\]: states no size, so its file must be there: {images}: has no image a.png"
    )
    with pytest.raises(ConfigError, match=sentence):
        read_truth(path, images)
    truth = read_truth(path, images, told.append)
    assert (truth.images, truth.objects, len(told)) == ({}, (), 1)


@pytest.mark.parametrize("value", ["wide", True, [90], 10**400])
def test_a_size_that_is_no_number_is_refused(tmp_path: Path, images: Path, value: Any) -> None:
    sentence = r"t.json: images\[0\]: width must be a number of pixels"
    with pytest.raises(ConfigError, match=sentence):
        read_truth(coco(tmp_path, {"height": 80, "width": value}), images)


@pytest.mark.parametrize("root", ["html", "annotations"])
def test_xml_of_another_kind_is_refused(tmp_path: Path, root: str) -> None:
    (tmp_path / "a.xml").write_text(f"<{root}>{OBJECT}</{root}>")
    with pytest.raises(ConfigError, match=f"a.xml: .*wanted VOC's <annotation>, got <{root}>"):
        read_truth(tmp_path)


def test_a_training_has_the_image_s_size_too(tmp_path: Path, images: Path) -> None:
    source = DataSource(truth=coco(tmp_path, {"height": 0, "width": 0}), images=images)
    [example] = examples_of(source, ["cat"], Faults(are_skipped=False))
    assert example.hw == (80, 90)
    assert example.read(has_masks=False).xyxy.tolist() == [[10, 20, 50, 60]]


def test_frames_without_a_size_have_the_video_s(tmp_path: Path) -> None:
    truth = read_video_truth("a.mp4", coco(tmp_path, {}), 1, (40, 50))
    assert (truth.images[1].hw, truth.objects[0].xywh) == ((40, 50), (10, 20, 40, 40))
