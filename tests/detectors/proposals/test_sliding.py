"""Sliding boxes: as many as asked for, all inside the image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.detectors.proposals.sliding import SlidingBoxes


def boxes(hw: tuple[int, int], most: int, **shapes: tuple[float, ...]) -> np.ndarray:
    stated = {"scales": (0.25, 0.5), "ratios": (0.5, 1.0, 2.0)} | shapes
    return SlidingBoxes(**stated)(np.zeros((*hw, 3), np.uint8), most)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 200))
def test_boxes_lie_in_the_image_and_are_no_more_than_asked_for(h: int, w: int, most: int) -> None:
    xyxy = boxes((h, w), most)
    assert 0 < len(xyxy) <= most
    assert (xyxy >= 0).all()
    assert (xyxy[:, 2:] > xyxy[:, :2]).all()
    assert (xyxy[:, 2:] <= (w, h)).all()


def test_a_scale_is_a_share_of_the_shorter_side_and_a_ratio_height_by_width() -> None:
    xyxy = boxes((100, 200), 500, scales=(0.4,), ratios=(4.0,))
    sides = xyxy[:, 2:] - xyxy[:, :2]
    np.testing.assert_array_equal(np.unique(sides, axis=0), [[20, 80]])  # 40 x 40 pixels in area


@pytest.mark.parametrize("most", [50, 2000])
def test_more_boxes_lie_closer(most: int) -> None:
    count = len(boxes((480, 640), most, scales=(0.1, 0.2, 0.4, 0.8)))
    assert most * 0.6 < count <= most


def test_the_image_itself_is_one_box() -> None:
    assert boxes((40, 40), 10, scales=(1.0,), ratios=(1.0,)).tolist() == [[0, 0, 40, 40]]
