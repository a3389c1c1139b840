"""A view's windows face one way before it is learnt."""

import numpy as np
import pytest

from streamdet.training.svm.hog_examples import Windows
from streamdet.training.svm.view_fit import facings


@pytest.mark.parametrize("seed", range(4))
def test_windows_that_face_the_other_way_are_turned(seed: int) -> None:
    rng = np.random.default_rng(7)
    left, right = rng.normal(size=(2, 30))
    looks_left = rng.random(50) < 0.4
    noise = rng.normal(scale=0.3, size=(2, 50, 30))
    plain = np.where(looks_left[:, None], left, right) + noise[0]
    mirrored = np.where(looks_left[:, None], right, left) + noise[1]
    windows = Windows(plain.astype(np.float32), mirrored.astype(np.float32), np.arange(50))
    turned = facings(windows, seed)
    assert (turned == looks_left).all() or (turned == ~looks_left).all()


def test_no_window_faces_nowhere() -> None:
    nothing = np.empty((0, 30), np.float32)
    assert facings(Windows(nothing, nothing, np.arange(0)), 0).shape == (0,)
