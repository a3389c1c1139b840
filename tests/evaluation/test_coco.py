"""Average precision, on a data set of one picture."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.errors import ConfigError
from streamdet.evaluation.coco import coco_ap
from streamdet.image import Pixels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One picture with one cat at x 10..50, y 20..60."""
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((80, 90, 3), np.uint8))
    cat = {"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 20, 40, 40], "iscrowd": 0}
    truth = {
        "images": [{"id": 1, "file_name": "a.png", "height": 80, "width": 90}],
        "categories": [{"id": 7, "name": "cat"}],
        "annotations": [cat | {"area": 1600}],
    }
    (tmp_path / "val.json").write_text(json.dumps(truth))
    return tmp_path


@pytest.mark.parametrize(("shift", "ap"), [(0.0, 1.0), (100.0, 0.0)])
def test_ap_is_1_where_all_is_found_and_0_where_nothing_is(
    folder: Path, shift: float, ap: float
) -> None:
    def detect(picture: Pixels) -> Detections:
        assert picture.shape == (80, 90, 3)
        boxes = np.array([[10, 20, 50, 60], [0, 0, 5, 5]], np.float32) + shift
        return Detections(boxes, np.ones(2, np.float32), np.array([1, 0]))

    # Class 0 is unknown to the data set: what is found of it counts neither way.
    assert coco_ap(folder, detect, ("unicorn", "cat")) == pytest.approx(ap)


def test_without_pycocotools_it_says_how_to_get_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(ConfigError, match="pip install pycocotools"):
        coco_ap(folder, lambda picture: Detections.empty(), ())
