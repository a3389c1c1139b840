"""Top, middle and foot of an object."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.training.upright_points import upright_points

BOX = np.array([[10, 20, 30, 60]], np.float32)


def test_without_a_mask_the_points_lie_on_the_box_s_middle_line() -> None:
    assert upright_points(BOX, [None])[0].tolist() == [[20, 20, 2], [20, 40, 2], [20, 60, 2]]


def test_an_empty_mask_is_none() -> None:
    empty = np.zeros((80, 40), bool)
    assert (upright_points(BOX, [empty]) == upright_points(BOX, [None])).all()


def test_a_mask_says_where_its_highest_and_lowest_pixels_lie() -> None:
    # a leaning bar: rows 2 and 3 at columns 4 and 5, row 4 at columns 0 and 1
    mask = np.zeros((8, 8), bool)
    mask[2:4, 4:6] = mask[4, 0:2] = True
    top, middle, foot = upright_points(BOX, [mask])[0].tolist()
    assert top == [5, 2, 2]
    assert middle == pytest.approx([22 / 6, 3.5, 2])  # four pixels at 5, two at 1
    assert foot == [1, 5, 2]


def test_no_objects_have_no_points() -> None:
    assert upright_points(np.empty((0, 4), np.float32), []).shape == (0, 3, 3)
