"""COCO's results."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pycocotools import mask
from pycocotools.coco import COCO

from streamdet.detections import Detections, FrameMasks
from streamdet.formats.coco_results import category_ids, entry_text, result_entries
from tests.sinks.frames import message, one


def shaped() -> Detections:
    """One car with a mask of 2 x 3 pixels, a point, and track 7."""
    pixels = np.zeros((1, 48, 64), np.bool_)
    pixels[0, 10:12, 20:23] = True
    points = np.array([[[20.126, 10.5, -3.0]]], np.float32)
    found = one([20, 10, 23, 12], track_id=7)
    return replace(found, masks=FrameMasks.of_arrays(pixels), keypoints=points)


def test_classes_of_coco_have_its_numbers_and_others_count_from_1() -> None:
    assert category_ids(("person", "bicycle", "car", "motorcycle", "bus", "truck")) == (
        *(1, 2, 3, 4, 6, 8),
    )
    assert category_ids(("person", "gate")) == (1, 2)
    assert category_ids(("gate",)) == (1,)
    assert category_ids(("fire hydrant", "N/A", "stop sign")) == (11, 2, 13)


def test_an_entry_says_frame_class_box_score_shapes_and_track() -> None:
    [entry] = result_entries(replace(message(index=4), detections=shaped()), ("car", "bus"))
    assert entry.pop("segmentation")["size"] == [48, 64]
    assert entry == {
        "image_id": 5,
        "category_id": 3,
        "bbox": [20, 10, 3, 2],
        "score": 0.5,
        "keypoints": [20.13, 10.5, 1],
        "track_id": 7,
    }


def test_what_is_not_known_is_left_out() -> None:
    [entry] = result_entries(replace(message(), detections=one([0, 0, 4, 8])), ("gate",))
    assert sorted(entry) == ["bbox", "category_id", "image_id", "score"]
    assert result_entries(replace(message(), drop_reason="stale"), ("gate",)) == []
    assert result_entries(replace(message(), detections=None), ("gate",)) == []


def test_what_is_not_finite_is_refused() -> None:
    found = one([0, 0, float("nan"), 8])
    with pytest.raises(ValueError, match="boxes and scores must be finite"):
        result_entries(replace(message(), detections=found), ("gate",))


def test_pycocotools_reads_boxes_masks_and_points() -> None:
    entries = result_entries(replace(message(), detections=shaped()), ("car", "bus"))
    coco = COCO()
    coco.dataset = {
        "images": [{"id": 1, "height": 48, "width": 64}],
        "categories": [{"id": 3, "name": "car"}],
        "annotations": [],
    }
    coco.createIndex()
    read: list[dict[str, Any]] = coco.loadRes([json.loads(entry_text(entries[0]))]).loadAnns([1])
    assert read[0]["area"] == 6
    assert mask.toBbox(coco.annToRLE(read[0])).tolist() == [20, 10, 3, 2]
