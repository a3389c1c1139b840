"""Words are counted in the bins of regions."""

import numpy as np

from streamdet.detectors.parts.bow_features import (
    dense_sift,
    nearest_words,
    pyramid_features,
    word_sums,
)
from streamdet.detectors.parts.bow_model import BowGeometry

# A descriptor every 2 pixels, seen 4 wide: the first is centred at (2, 2).
GEOMETRY = BowGeometry(step=2, patch=4, levels=(1, 2), windows_hw=((8, 8),))
WORD_MAP = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 1, 1], [1, 1, 1, 0]])


def test_sums_count_what_is_above_and_left() -> None:
    sums = word_sums(WORD_MAP, 2)
    assert sums.shape == (5, 5, 2)
    assert sums[2, 3].tolist() == [4, 2]
    assert sums[4, 4].tolist() == [5, 11]
    assert not sums[0].any()


def test_a_region_holds_the_roots_of_its_bins_shares() -> None:
    # The box holds the centres 2, 4, 6, 8 both ways, a quarter of them in each bin of level 2;
    # both levels weigh 1/2.
    [found] = pyramid_features(word_sums(WORD_MAP, 2), np.array([[2.0, 2, 10, 10]]), GEOMETRY)
    shares = np.array([[5, 11], [4, 0], [0, 4], [0, 4], [1, 3]]) / 16 / 2
    np.testing.assert_allclose(found, np.sqrt(shares).ravel(), rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found), 1, rtol=1e-6)


def test_what_lies_outside_holds_no_words() -> None:
    boxes = np.array([[2.0, 2, 10, 10], [-50, -50, 60, 60], [30, 30, 40, 40], [3, 3, 3, 3]])
    features = pyramid_features(word_sums(WORD_MAP, 2), boxes, GEOMETRY)
    np.testing.assert_array_equal(features[1, :2], features[0, :2])
    assert not features[2:].any()


def test_every_step_has_a_descriptor_of_its_place() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    geometry = BowGeometry(step=4, patch=16)
    whole = dense_sift(image, geometry)
    assert whole.shape == (7, 11, 128)
    np.testing.assert_allclose(np.square(whole).sum(axis=2), 1, atol=1e-5)
    moved = dense_sift(np.ascontiguousarray(image[:, 4:]), geometry)
    np.testing.assert_allclose(moved[2:-2, 3:], whole[2:-2, 4:], atol=0.02)


def test_an_image_below_a_patch_has_no_descriptor() -> None:
    assert dense_sift(np.zeros((15, 99, 3), dtype=np.uint8), BowGeometry()).shape[0] == 0


def test_the_nearest_word_is_found() -> None:
    words = np.eye(3, 128, dtype=np.float32)
    descriptors = np.stack([words[[2, 0]] * 0.9, words[[1, 1]] + 0.01])
    assert nearest_words(descriptors, words).tolist() == [[2, 0], [1, 1]]
