"""Boxes are smoothed over time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamdet.trackers.offline.smoothing import line_fits, smoothed
from tests.trackers.offline.rows import rows_of


def test_what_moves_evenly_stays_even_at_both_ends_and_over_a_gap() -> None:
    frames = np.array([0, 1, 2, 5, 6, 40, 41])
    values = np.column_stack((3.0 * frames - 7, np.full(7, 9.0)))
    np.testing.assert_allclose(line_fits(frames, values, 3.0), values, atol=1e-6)


def test_a_fit_is_the_weighted_least_squares_line() -> None:
    frames, values = np.array([0, 1, 2, 4]), np.array([0.0, 4.0, 1.0, 5.0])
    fits = line_fits(frames, values[:, None], 1.5)[:, 0]
    for place, frame in enumerate(frames):
        weights = np.exp(-0.5 * ((frames - frame) / 1.5) ** 2)
        line = np.polyfit(frames - frame, values, 1, w=np.sqrt(weights))
        assert fits[place] == pytest.approx(line[1], rel=1e-6)


def test_jitter_is_taken_out_of_sizes_and_places() -> None:
    rng = np.random.default_rng(0)
    steady = rows_of([(frame, 1, 4 * frame, 0.9) for frame in range(60)])
    rows = replace(steady, xyxy=steady.xyxy + rng.normal(size=(60, 4)).astype(np.float32))
    error = np.abs(smoothed(rows, 3.0) - steady.xyxy).mean()
    assert error < 0.6 * np.abs(rows.xyxy - steady.xyxy).mean()


def test_objects_of_no_track_and_tracks_of_two_frames_stay_as_they_were() -> None:
    rows = rows_of([(0, 0, 0, 0.9), (0, 1, 50, 0.9), (1, 0, 30, 0.9), (1, 1, 70, 0.9)])
    np.testing.assert_array_equal(smoothed(rows, 3.0), rows.xyxy)


def test_a_track_that_is_seen_again_after_long_takes_what_is_near() -> None:
    frames = np.array([0, 1, 2, 100_000])
    assert line_fits(frames, np.array([[0.0], [1.0], [2.0], [50.0]]), 2.0)[3, 0] == 50.0
