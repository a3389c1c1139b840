"""Letterbox fits, places and pads as YOLOX does."""

import numpy as np
import pytest

from streamdet.frame import Geometry
from streamdet.image import ArrayImage
from streamdet.transforms.letterbox import Letterbox, LetterboxOptions, fitted_hw


@pytest.mark.parametrize(
    ("hw", "fitted"),
    [
        ((1080, 1920), (234, 416)),
        ((720, 1280), (234, 416)),  # 720 * 0.325 must not become 233
        ((360, 480), (312, 416)),
        ((100, 333), (124, 416)),  # 124.9 is cut, not rounded
        ((2000, 1), (416, 1)),  # YOLOX would give a width of 0
    ],
)
def test_the_ratio_is_that_of_the_tighter_side(
    hw: tuple[int, int], fitted: tuple[int, int]
) -> None:
    assert fitted_hw(hw, (416, 416)) == fitted


def test_the_rest_below_and_right_is_padding() -> None:
    out = np.zeros((8, 8, 3), dtype=np.uint8)
    box = Letterbox(LetterboxOptions(hw=(8, 8), pad=7))
    geometry = box(ArrayImage(np.full((2, 4, 3), 200, dtype=np.uint8)), out)
    assert geometry == Geometry((2.0, 2.0), (0.0, 0.0))
    assert (out[:4] == 200).all()
    assert (out[4:] == 7).all()


def test_padding_may_have_a_colour() -> None:
    box = Letterbox(LetterboxOptions(hw=(8, 8), pad=(1, 2, 3)))
    out = np.empty((8, 8, 3), np.uint8)
    box(ArrayImage(np.full((4, 8, 3), 50, np.uint8)), out)
    assert out[7, 7].tolist() == [1, 2, 3]


def test_the_centre_anchor_pads_all_around() -> None:
    out = np.zeros((8, 9, 3), dtype=np.uint8)
    box = Letterbox(LetterboxOptions(hw=(8, 9), anchor="centre", pad=7))
    geometry = box(ArrayImage(np.full((4, 1, 3), 200, dtype=np.uint8)), out)
    assert geometry == Geometry((2.0, 2.0), (3.0, 0.0))  # (9 - 2) // 2
    assert (out[:, 3:5] == 200).all()
    assert (out[:, :3] == 7).all()
    assert (out[:, 5:] == 7).all()


def test_each_axis_has_its_true_scale_when_rounding_cut_a_pixel() -> None:
    out = np.zeros((416, 416, 3), dtype=np.uint8)
    geometry = Letterbox(LetterboxOptions(hw=(416, 416)))(
        ArrayImage(np.zeros((100, 333, 3), dtype=np.uint8)), out
    )
    assert geometry.scale_xy == (416 / 333, 1.24)
