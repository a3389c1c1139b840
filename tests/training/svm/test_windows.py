"""Windows around objects and where there is none."""

import numpy as np
import pytest

from streamdet.detectors.hog_svm import shrunk
from streamdet.training.labelled_image import LabelledImage
from streamdet.training.svm.windows import (
    around_objects,
    cut,
    drawn_windows,
    drawn_without_object,
    has_no_object,
    likeness,
    moved_about,
)


def image(*xyxy: tuple[float, float, float, float], ignored: bool = False) -> LabelledImage:
    boxes, none = np.array(xyxy, np.float32).reshape(-1, 4), np.empty((0, 4), np.float32)
    return LabelledImage(
        pixels=np.zeros((100, 200, 3), np.uint8),
        xyxy=none if ignored else boxes,
        class_ids=np.zeros(0 if ignored else len(boxes), np.int64),
        ignored=boxes if ignored else none,
        is_labelled=np.ones(1, bool),
    )


def test_a_window_s_inner_part_is_as_large_as_the_object() -> None:
    # The inner part is half of the window, 32 wide and 16 high; the object is 64 by 32, or as large
    # and square.
    flat, square = [10, 20, 74, 52], [10, 20, 10 + 2048**0.5, 20 + 2048**0.5]
    windows = around_objects(np.array([flat, square], np.float32), (32, 64), (0.25, 0.25))
    np.testing.assert_allclose(windows[0], [42 - 64, 36 - 32, 42 + 64, 36 + 32])
    np.testing.assert_allclose(shrunk(windows, (0.25, 0.25))[0], flat)
    x, y = 10 + 2048**0.5 / 2, 20 + 2048**0.5 / 2
    np.testing.assert_allclose(windows[1], [x - 64, y - 32, x + 64, y + 32], rtol=1e-6)


def test_likeness_is_the_overlap_of_shapes() -> None:
    boxes = np.array([[0, 0, 64, 32], [0, 0, 32, 64], [5, 5, 6, 6]], np.float32)
    # Twice as wide as high: of a box on end half overlaps, of a square the root of a half.
    root = 0.5**0.5
    wanted = [1, 0.5 / 1.5, root / (2 - root)]
    np.testing.assert_allclose(likeness(boxes, (32, 64), (0.25, 0.25)), wanted, rtol=1e-6)


def test_moved_windows_lie_about_their_own() -> None:
    windows = np.array([[100, 100, 164, 148], [0, 0, 64, 48]], np.float32)
    moved = moved_about(windows, 0.1, 50, np.random.default_rng(0))
    for own, near in zip(windows, (moved[:50], moved[50:]), strict=True):
        off = (near[:, :2] + near[:, 2:] - own[:2] - own[2:]) / 2
        assert (abs(off) <= (6.4, 4.8)).all()
        assert (abs(off).max(axis=0) > (5, 4)).all()
        growth = (near[:, 2] - near[:, 0]) / 64
        assert 0.9 < growth.min() < 0.95 and 1.05 < growth.max() < 1.11  # e ** -0.1 to e ** 0.1
        np.testing.assert_allclose((near[:, 3] - near[:, 1]) / 48, growth, rtol=1e-4)


def test_drawn_windows_lie_in_the_image_in_the_window_s_shape() -> None:
    xyxy = drawn_windows((100, 200), (32, 64), 200, np.random.default_rng(0))
    width, height = (xyxy[:, 2:] - xyxy[:, :2]).T
    assert xyxy.min() >= 0
    assert (xyxy[:, 2:] <= np.array([200, 100]) + 1e-3).all()
    np.testing.assert_allclose(width, 2 * height, rtol=1e-4)
    assert 32 <= height.min() < 34
    assert 95 < height.max() <= 100.001


def test_an_image_smaller_than_the_window_has_none() -> None:
    assert drawn_windows((31, 200), (32, 64), 5, np.random.default_rng(0)).shape == (0, 4)


@pytest.mark.parametrize(
    ("window", "is_free"),
    [
        ((0, 0, 40, 40), False),
        ((0, 0, 20, 20), True),  # a quarter of the object
        ((60, 0, 100, 40), True),
    ],
)
def test_a_window_on_an_object_is_not_free(window: tuple[float, ...], is_free: bool) -> None:
    windows = np.array([window], np.float32)
    assert has_no_object(windows, (0, 0), image((0, 0, 40, 40))).tolist() == [is_free]


def test_a_window_in_a_region_that_nobody_labelled_is_not_free() -> None:
    crowd = image((0, 0, 100, 100), ignored=True)
    windows = np.array([(0, 0, 10, 10), (110, 0, 120, 10)], np.float32)
    assert has_no_object(windows, (0, 0), crowd).tolist() == [False, True]


def test_drawn_negatives_keep_off_the_objects() -> None:
    here = image((0, 0, 120, 100))
    drawn = drawn_without_object(here, (32, 32), (0, 0), 20, np.random.default_rng(0))
    assert 0 < len(drawn) <= 20
    assert has_no_object(drawn, (0, 0), here).all()


def test_a_cut_window_of_its_own_size_is_the_pixels_themselves() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    [patch] = cut(pixels, np.array([[8, 4, 24, 20]], np.float32), (16, 16))
    np.testing.assert_array_equal(patch, pixels[4:20, 8:24])


def test_beyond_the_image_its_edge_goes_on() -> None:
    pixels = np.full((20, 20, 3), 70, np.uint8)
    [patch] = cut(pixels, np.array([[-10, -10, 6, 6]], np.float32), (16, 16))
    assert (patch == 70).all()
