"""Variation of images: boxes stay on their pixels, chance is the generator's alone."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.training.augmentation import augmented, mosaic, recoloured
from streamdet.training.labelled_image import LabelledImage
from streamdet.training.recipe import Augmentation
from tests.training.test_labelled_image import a_image, white_box

STILL = Augmentation(flip=0.0, scale=(1.0, 1.0), hue=0.0, saturation=0.0, brightness=0.0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_without_variation_nothing_changes() -> None:
    image = a_image()
    same = augmented(image, STILL, rng(), (20, 40), 0)
    np.testing.assert_array_equal(same.pixels, image.pixels)
    np.testing.assert_array_equal(same.xyxy, image.xyxy)


@pytest.mark.parametrize("seed", range(20))
def test_boxes_stay_on_their_pixels(seed: int) -> None:
    options = STILL.model_copy(
        update={"flip": 0.5, "crop": 0.5, "scale": (0.5, 2.0), "min_visible": 0.0}
    )
    varied = augmented(a_image(), options, rng(seed), (40, 40), 0)
    assert [white_box(varied)] == varied.xyxy.tolist() if len(varied.xyxy) else True
    if not len(varied.xyxy):
        assert not varied.pixels.any()


def test_the_same_seed_varies_the_same_way() -> None:
    one, other = (augmented(a_image(), Augmentation(), rng(3), (40, 40), 0) for _ in range(2))
    np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_array_equal(one.xyxy, other.xyxy)


def test_a_window_has_the_network_s_shape() -> None:
    options = STILL.model_copy(update={"scale": (0.5, 0.5)})
    # Half as large: the window is twice as wide as the image, and 80 x 40 like the network.
    assert augmented(a_image(), options, rng(), (60, 120), 0).hw == (40, 80)
    assert augmented(a_image(), options, rng(), (40, 40), 0).hw == (80, 80)


def test_a_mosaic_shows_four_images_around_a_point() -> None:
    images = [a_image() for _ in range(4)]  # 20 x 40, resized to 40 x 80
    joined = mosaic(images, (80, 80), rng(), pad=5)
    assert joined.hw == (160, 160)
    sides = joined.xyxy[:, 2:] - joined.xyxy[:, :2]
    assert (sides <= [40, 16]).all()
    assert (sides == [40, 16]).all(axis=1).any()
    for x1, y1, x2, y2 in joined.xyxy.astype(int):
        assert (joined.pixels[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1] == 255).all()
    assert (joined.pixels == 5).any()


def test_a_mosaic_with_an_image_without_masks_has_none() -> None:
    bare = LabelledImage(
        np.zeros((20, 40, 3), np.uint8),
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.int64),
        np.zeros((0, 4), np.float32),
        np.array([True, True]),
    )
    assert mosaic([a_image()] * 3 + [bare], (80, 80), rng(), 0).masks is None


def test_colours_change_within_their_limits() -> None:
    grey = np.full((4, 4, 3), 100, np.uint8)
    changed = recoloured(grey, STILL.model_copy(update={"brightness": 0.3}), rng())
    assert 70 <= int(changed.min()) == int(changed.max()) <= 130
    assert int(changed[0, 0, 0]) != 100
