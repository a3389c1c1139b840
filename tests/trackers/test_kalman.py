"""The decoupled filters, against the textbook's matrices."""

from __future__ import annotations

import numpy as np

from streamdet.trackers.kalman import correct, predict, start_filters
from streamdet.trackers.sort import (
    MEASUREMENT_NOISE,
    MOTION_NOISE,
    START_NOISE,
    predict_xysr,
)


class TextbookSort:
    """SORT's filter with 7 states and full matrices."""

    F = np.eye(7) + np.eye(7, k=4)
    H = np.eye(4, 7)
    R = np.diag([1.0, 1.0, 10.0, 10.0])
    Q = np.diag([1.0, 1.0, 1.0, 1.0, 1e-2, 1e-2, 1e-4])

    def __init__(self, z: np.ndarray) -> None:
        self.x = np.append(z, [0.0, 0.0, 0.0])
        self.P = np.diag([10.0, 10.0, 10.0, 10.0, 1e4, 1e4, 1e4])

    def predict(self) -> None:
        self.x = self.F @ self.x
        self.P = self.F @ self.P @ self.F.T + self.Q

    def correct(self, z: np.ndarray) -> None:
        gain = self.P @ self.H.T @ np.linalg.inv(self.H @ self.P @ self.H.T + self.R)
        self.x = self.x + gain @ (z - self.H @ self.x)
        self.P = (np.eye(7) - gain @ self.H) @ self.P


def test_the_filter_is_that_of_the_full_matrices() -> None:
    rng = np.random.default_rng(0)
    z = np.array([100.0, 50.0, 900.0, 0.5])
    full = TextbookSort(z)
    filters = start_filters(z[:, None], START_NOISE)
    for step in range(20):
        full.predict()
        predict(filters, MOTION_NOISE)
        if step % 4:
            z = z + rng.normal([3.0, -1.0, 5.0, 0.0], [1.0, 1.0, 9.0, 0.01])
            full.correct(z)
            correct(filters, z[:, None], MEASUREMENT_NOISE)
    np.testing.assert_allclose(filters[0, :, 0], full.x[:4], rtol=1e-9)
    np.testing.assert_allclose(filters[3, :3, 0], full.x[4:], rtol=1e-9)
    np.testing.assert_allclose(filters[1, :, 0], np.diag(full.P)[:4], rtol=1e-9)
    np.testing.assert_allclose(filters[4, :3, 0], np.diag(full.P, k=4), rtol=1e-9)
    np.testing.assert_allclose(filters[2, :3, 0], np.diag(full.P)[4:], rtol=1e-6)


def test_one_filter_does_not_depend_on_its_neighbours() -> None:
    z = np.random.default_rng(1).random((4, 5)) * 100
    together = start_filters(z, START_NOISE)
    alone = start_filters(z[:, 2:3], START_NOISE)
    for filters, measured in ((together, z + 1), (alone, z[:, 2:3] + 1)):
        predict(filters, MOTION_NOISE)
        correct(filters, measured, MEASUREMENT_NOISE)
    np.testing.assert_array_equal(together[:, :, 2:3], alone)


def test_an_area_that_would_fall_to_0_stops() -> None:
    filters = start_filters(np.array([[0.0], [0.0], [10.0], [1.0]]), np.ones((2, 4, 1)))
    filters[3, 2] = -6.0
    predict_xysr(filters)
    predict_xysr(filters)
    assert filters[[0, 3], 2, 0].tolist() == [4.0, 0.0]
