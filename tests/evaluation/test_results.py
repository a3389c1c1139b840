"""Results in COCO's format, and those of a detector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.detections import Detections, FrameMasks
from streamdet.errors import ConfigError
from streamdet.evaluation.results import Kind, read_results, results_of
from tests.evaluation.scenes import CAT, a_truth, write_json

RIGHT = {"image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4], "score": 0.5}
MASK = {"size": [100, 200], "counts": [20000]}


def read(tmp_path: Path, entry: dict[str, Any], kind: Kind = "bbox") -> Any:
    [result] = read_results(write_json(tmp_path / "r.json", [entry]), a_truth(), kind)
    return result


def test_a_result_is_read(tmp_path: Path) -> None:
    result = read(tmp_path, RIGHT)
    assert (result.image_id, result.category_id, result.score) == (1, CAT, 0.5)
    assert result.xywh == (1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize("image", [2, "2", "2.png"])
def test_an_image_may_be_named_by_its_file(tmp_path: Path, image: int | str) -> None:
    result = read(tmp_path, RIGHT | {"image_id": image, "category_id": "cat"})
    assert (result.image_id, result.category_id) == (2, CAT)


def test_a_mask_may_stand_for_its_box(tmp_path: Path) -> None:
    entry = {"image_id": 1, "category_id": 7, "score": 0.5, "segmentation": MASK}
    assert read(tmp_path, entry).xywh is None


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        ("bbox", {"image_id": 3}, "image_id: 3 is not in truth.json"),
        ("bbox", {"category_id": 1}, "category_id: 1 is not in truth.json"),
        ("bbox", {"category_id": None}, "category_id: None is not in truth.json"),
        ("bbox", {"bbox": [1, 2, 3, float("nan")]}, "bbox: must be 4 finite numbers"),
        ("bbox", {"bbox": None}, "bbox: must be 4 finite numbers, got nothing"),
        ("bbox", {"score": "high"}, 'score: must be a finite number, got "high"'),
        ("segm", {}, "segmentation: must be a mask, got nothing"),
        (
            "segm",
            {"segmentation": {"size": [1, 2], "counts": "a"}},
            "segmentation.size: must be the image's",
        ),
        (
            "segm",
            {"segmentation": {"size": [100, 200], "counts": "0"}},
            "segmentation.counts: must add up to the image's 20000 pixels, got 0",
        ),
        (
            "segm",
            {"segmentation": {"size": [100, 200], "counts": "PP"}},
            "segmentation.counts: not compressed run lengths",
        ),
        ("keypoints", {"keypoints": [1, 2]}, "keypoints: must be 51 finite numbers, got [1, 2]"),
    ],
)
def test_a_wrong_result_is_named(
    tmp_path: Path, kind: Kind, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, RIGHT | change, kind)
    assert f"{tmp_path}/r.json[0].{sentence}" in str(caught.value)


def test_detections_become_results_of_the_classes_that_the_truth_has() -> None:
    boxes = np.array([[1, 2, 4, 8], [0, 0, 5, 5]], np.float32)
    masks = FrameMasks((100, 200), (b"a", b"b"))
    points = np.ones((2, 17, 3), np.float32)
    found = Detections(
        boxes, np.array([0.5, 0.25]), np.array([3, 4]), masks=masks, keypoints=points
    )
    [result] = results_of(found, 2, {4: CAT})
    assert (result.image_id, result.category_id, result.score) == (2, CAT, 0.25)
    assert result.xywh == (0.0, 0.0, 5.0, 5.0)
    assert result.segmentation == {"size": [100, 200], "counts": "b"}
    assert result.keypoints == (1.0,) * 51
