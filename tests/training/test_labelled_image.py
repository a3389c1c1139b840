"""Labels move with their pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamdet.training.labelled_image import LabelledImage
from streamdet.transforms.letterbox import Letterbox, LetterboxOptions

WHITE = 255


def a_image(
    xyxy: tuple[int, int, int, int] = (10, 4, 30, 12), hw: tuple[int, int] = (20, 40)
) -> LabelledImage:
    """Black, the box white; a mask over the box, and points in two of its corners."""
    x1, y1, x2, y2 = xyxy
    pixels = np.zeros((*hw, 3), np.uint8)
    pixels[y1:y2, x1:x2] = WHITE
    return LabelledImage(
        pixels,
        np.array([xyxy], np.float32),
        np.array([1]),
        np.array([[0, 0, 4, 4]], np.float32),
        np.array([True, True]),
        masks=(pixels[None, ..., 0] == WHITE),
        keypoints=np.array([[[x1, y1, 2], [x2, y2, 1]]], np.float32),
    )


def white_box(image: LabelledImage) -> list[float]:
    rows, columns = np.nonzero(image.pixels[..., 0] == WHITE)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_a_mirrored_box_lies_over_its_mirrored_pixels() -> None:
    flipped = a_image((2, 4, 12, 12)).flipped(pairs=[(0, 1)])
    assert flipped.xyxy.tolist() == [[28, 4, 38, 12]] == [white_box(flipped)]
    assert flipped.ignored.tolist() == [[36, 0, 40, 4]]
    assert flipped.keypoints is not None
    # Left and right changed places: what was the right one stands first.
    assert flipped.keypoints.tolist() == [[[28, 12, 1], [38, 4, 2]]]


def test_mirroring_twice_gives_the_same_image() -> None:
    image = a_image()
    twice = image.flipped(pairs=[(0, 1)]).flipped(pairs=[(0, 1)])
    for name in ("pixels", "xyxy", "ignored", "masks", "keypoints"):
        np.testing.assert_array_equal(getattr(twice, name), getattr(image, name))


@given(st.integers(-30, 30), st.integers(-30, 30), st.integers(1, 60), st.integers(1, 60))
def test_boxes_and_masks_stay_on_their_pixels_in_any_window(
    top: int, left: int, height: int, width: int
) -> None:
    cut = a_image().window((top, left), (height, width), pad=0, min_visible=0.0)
    assert cut.hw == (height, width)
    assert cut.masks is not None
    if len(cut.xyxy):
        assert cut.xyxy.tolist() == [white_box(cut)]
        np.testing.assert_array_equal(cut.masks[0], cut.pixels[..., 0] == WHITE)
    else:
        assert not cut.pixels.any()


def test_an_object_of_which_little_remains_is_neither_object_nor_background() -> None:
    cut = a_image().window((0, 26), (20, 14), pad=0, min_visible=0.3)  # 4 of 20 columns
    assert len(cut.xyxy) == len(cut.class_ids) == 0
    assert cut.ignored.tolist() == [[0, 4, 4, 12]]


def test_points_that_leave_the_image_become_unknown() -> None:
    cut = a_image().window((0, 20), (20, 20), pad=0, min_visible=0.0)
    assert cut.keypoints is not None
    assert cut.keypoints.tolist() == [[[0, 0, 0], [10, 12, 1]]]


@pytest.mark.parametrize("anchor", ["top_left", "centre"])
def test_a_prepared_image_is_what_a_run_prepares(anchor: str) -> None:
    transform = Letterbox(LetterboxOptions(hw=(80, 80), anchor=anchor, pad=7))
    prepared = a_image().prepared(transform)  # twice as large: 40 x 80
    top = 0 if anchor == "top_left" else 20
    assert prepared.hw == (80, 80)
    assert prepared.xyxy.tolist() == [[20, 8 + top, 60, 24 + top]]
    assert prepared.masks is not None
    rows, columns = np.nonzero(prepared.masks[0])
    assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == [
        20,
        8 + top,
        60,
        24 + top,
    ]
    assert (prepared.pixels[0 if top else 79] == 7).all()
