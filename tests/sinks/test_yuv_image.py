"""Shapes on 4:2:0 images."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.sinks.drawing import PALETTE
from streamdet.sinks.pen import WHITE, Pen
from streamdet.sinks.yuv_image import YuvImage, yuv_of
from tests.sinks.frames import plain_yuv, shown


def test_the_planes_of_i420_lie_one_behind_the_other() -> None:
    image = YuvImage.of_i420(np.arange(24, dtype=np.uint8).reshape(6, 4))
    assert image.hw == (4, 4)
    assert image.y.ravel().tolist() == list(range(16))
    assert (image.u.tolist(), image.v.tolist()) == ([[16, 17], [18, 19]], [[20, 21], [22, 23]])


@pytest.mark.parametrize("color", PALETTE)
def test_a_filled_rectangle_has_its_colour_and_nothing_else_has(
    color: tuple[int, int, int],
) -> None:
    image = plain_yuv(0, (12, 16))
    image.fill((4, 2, 10, 8), color)
    seen = shown(image).astype(int)
    assert np.abs(seen[2:8, 4:10] - color).max() < 4
    seen[2:8, 4:10] = 0
    assert not seen.any()


def test_white_and_black_are_those_of_limited_range() -> None:
    assert yuv_of(WHITE) == (235, 128, 128)
    assert yuv_of((0, 0, 0)) == (16, 128, 128)


def test_colour_lies_in_the_middle_of_a_line() -> None:
    image = plain_yuv(0, (40, 40))
    image.line(np.array([[4, 20], [36, 20]], np.int32), PALETTE[5], 4)
    column = image.v[:, 10].astype(int)
    assert column[[9, 10]].min() > yuv_of(PALETTE[5])[2] - 20  # luma rows 18..21
    assert column[[6, 13]].tolist() == [128, 128]


def test_a_tint_of_a_mask_at_an_odd_place_keeps_to_its_pixels() -> None:
    image = plain_yuv(100, (12, 12))
    image.tint((3, 5), np.ones((4, 6), bool), (0, 0, 255), 0.5)
    luma_rows, luma_columns = np.nonzero(image.y != plain_yuv(100, (2, 2)).y[0, 0])
    assert (luma_rows.min(), luma_rows.max()) == (5, 8)
    assert (luma_columns.min(), luma_columns.max()) == (3, 8)
    assert np.argwhere(image.v != 128).tolist() == [[y, x] for y in (3, 4) for x in (2, 3, 4)]


def test_letters_have_their_colour_on_a_ground_of_another() -> None:
    image = plain_yuv(0, (80, 80))
    image.fill((0, 0, 80, 80), PALETTE[5])
    image.write("1", (10, 70), WHITE, Pen.for_image((4000, 4000)))
    assert shown(image).min(axis=2).max() > 230


def test_darkened_rows_keep_a_third_of_their_light() -> None:
    image = plain_yuv(200, (4, 4))
    image.darken(2)
    assert shown(image)[:, 0, 0].tolist() == pytest.approx([200, 200, 67, 67], abs=2)
