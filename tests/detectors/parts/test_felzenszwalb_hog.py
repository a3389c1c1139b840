"""HOG cells hold the orientations that the images have."""

import numpy as np
import pytest

from streamdet.detectors.parts.felzenszwalb_hog import hog_cells, mirrored
from streamdet.image import Pixels


def ramp(angle_deg: float, side: int = 40) -> Pixels:
    """A grey slope that rises by 4 a pixel towards an angle."""
    y, x = np.mgrid[:side, :side] - side / 2
    rise = x * np.cos(np.deg2rad(angle_deg)) + y * np.sin(np.deg2rad(angle_deg))
    return np.repeat((128 + 4 * rise).round().astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("orientation", range(18))
def test_a_slope_votes_for_its_own_direction(orientation: int) -> None:
    middle = hog_cells(ramp(20 * orientation), 8)[1, 1]
    assert middle[:18].argmax() == orientation
    assert middle[18:27].argmax() == orientation % 9
    assert middle[31] == 0


def test_an_even_slope_fills_one_orientation_to_the_truncation() -> None:
    # All energy is in one orientation: 1/2 of each of four blocks, cut at 0.2, times 1/2 = 0.4.
    middle = hog_cells(ramp(0), 8)[1, 1]
    wanted = np.zeros(32)
    wanted[[0, 18]] = 0.4
    wanted[27:31] = 0.2357 * 0.2
    np.testing.assert_allclose(middle, wanted, atol=1e-6)


def test_a_mirrored_image_has_mirrored_cells() -> None:
    # No gradient lies between two directions: that would fall to the first of them, either way.
    image = np.concatenate([ramp(35), ramp(255)])
    turned = hog_cells(np.ascontiguousarray(image[:, ::-1]), 8)
    np.testing.assert_allclose(turned, mirrored(hog_cells(image, 8)), atol=1e-5)
    np.testing.assert_array_equal(mirrored(mirrored(turned)), turned)


@pytest.mark.parametrize(
    ("hw", "cells"), [((40, 43), (3, 3)), ((44, 36), (4, 3)), ((9, 99), (0, 10))]
)
def test_cells_are_counted_by_rounding_less_the_border(
    hw: tuple[int, int], cells: tuple[int, int]
) -> None:
    assert hog_cells(np.zeros((*hw, 3), dtype=np.uint8), 8).shape == (*cells, 32)


def test_a_grey_image_has_no_features() -> None:
    assert not hog_cells(np.full((40, 40, 3), 90, dtype=np.uint8), 8).any()
