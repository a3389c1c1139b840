"""Boxes as the filters see them."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.ops.iou import box_area, pairwise_iou
from streamdet.trackers.box_states import (
    cxcywh_to_xyxy,
    overlaps,
    trackable,
    xyah_to_xyxy,
    xysr_to_xyxy,
    xyxy_to_cxcywh,
    xyxy_to_xyah,
    xyxy_to_xysr,
)

BOX = np.array([[10.0], [20.0], [14.0], [28.0]])  # 4 wide, 8 high, centre (12, 24)


def test_xysr_is_centre_area_and_aspect_ratio() -> None:
    assert xyxy_to_xysr(BOX)[:, 0].tolist() == [12.0, 24.0, 32.0, 0.5]
    np.testing.assert_allclose(xysr_to_xyxy(xyxy_to_xysr(BOX)), BOX)


def test_xyah_is_centre_aspect_ratio_and_height() -> None:
    assert xyxy_to_xyah(BOX)[:, 0].tolist() == [12.0, 24.0, 0.5, 8.0]
    np.testing.assert_allclose(xyah_to_xyxy(xyxy_to_xyah(BOX)), BOX)


def test_cxcywh_is_centre_width_and_height() -> None:
    assert xyxy_to_cxcywh(BOX)[:, 0].tolist() == [12.0, 24.0, 4.0, 8.0]
    np.testing.assert_allclose(cxcywh_to_xyxy(xyxy_to_cxcywh(BOX)), BOX)


@pytest.mark.parametrize(
    "row", [(0, 0, 0, 5), (5, 0, 1, 5), (np.nan, 0, 1, 1), (0, 0, np.inf, 1), (0, -np.inf, 1, 1)]
)
def test_a_box_that_cannot_be_followed_is_left_out(row: tuple[float, ...]) -> None:
    xyxy = np.array([row, (0, 0, 1, 1)], dtype=np.float32)
    found = Detections(xyxy, np.ones(2, np.float32), np.array([0, 1]))
    assert trackable(found, 0.0).class_ids.tolist() == [1]


def test_scores_below_the_threshold_or_nan_are_left_out() -> None:
    scores = np.array([0.5, np.nan, 0.4], dtype=np.float32)
    found = Detections(np.tile([0, 0, 1, 1], (3, 1)), scores, np.arange(3))
    assert trackable(found, 0.5).class_ids.tolist() == [0]


def test_overlaps_are_those_of_pairwise_iou() -> None:
    corners = np.random.default_rng(0).random((9, 2)) * 50
    xyxy = np.hstack([corners, corners + 10 + corners[::-1]])
    one, other = xyxy[:5], xyxy[5:]
    iou = overlaps(one.T, box_area(one), other.T, box_area(other))
    np.testing.assert_allclose(iou, pairwise_iou(one, other), rtol=1e-12)
