"""Masks that do not overlap."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.ops.masks_apart import masks_apart
from streamdet.ops.run_length import decode, encode

HW = (4, 6)


def column(*numbers: int) -> bytes:
    mask = np.zeros(HW, np.bool_)
    mask[:, list(numbers)] = True
    return encode(mask)


def columns_of(text: bytes | None) -> list[int] | None:
    return None if text is None else np.flatnonzero(decode(text, HW).all(axis=0)).tolist()


def test_a_pixel_belongs_to_the_highest_score_whatever_the_order() -> None:
    scores = np.array([0.2, 0.9, 0.5], np.float32)
    left = masks_apart([column(0, 1, 2), column(2, 3), column(3, 4)], scores, HW)
    assert [columns_of(each) for each in left] == [[0, 1], [2, 3], [4]]


def test_of_two_alike_the_first_keeps_it_and_nothing_is_none() -> None:
    scores = np.array([0.5, 0.5, 0.5], np.float32)
    left = masks_apart([column(1), column(1), encode(np.zeros(HW, np.bool_))], scores, HW)
    assert [columns_of(each) for each in left] == [[1], None, None]


def test_masks_that_are_apart_stay_as_they_are() -> None:
    masks = [column(0), column(5)]
    assert masks_apart(masks, np.array([0.1, 0.2], np.float32), HW) == masks
    assert masks_apart([], np.zeros(0, np.float32), HW) == []


def test_a_mask_of_another_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="add up to 4x6 pixels"):
        masks_apart([encode(np.ones((3, 3), np.bool_))], np.ones(1, np.float32), HW)
