"""ByteTrack."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.trackers.byte_track import ByteTrack, ByteTrackOptions


def one(x: float, score: float = 0.9) -> Detections:
    return Detections(np.array([[x, 0, x + 40, 80]]), np.array([score]), np.array([0]))


def reported(frames: list[Detections]) -> list[list[int]]:
    tracker = ByteTrack(ByteTrackOptions())
    results = [tracker.update(detections).track_ids for detections in frames]
    return [ids.tolist() for ids in results if ids is not None]


def test_low_scores_keep_a_track_alive_in_its_place() -> None:
    frames = [one(x) for x in range(5)] + [one(x, score=0.2) for x in range(5, 9)]
    assert reported(frames) == [[1]] * 9


def test_low_scores_do_not_find_a_lost_track_again() -> None:
    frames = [one(0), one(0), Detections.empty(), one(0, score=0.3), one(0)]
    assert reported(frames) == [[1], [1], [], [], [1]]


def test_low_scores_begin_no_track() -> None:
    assert reported([one(0, score=0.65)] * 4) == [[]] * 4


def test_after_the_first_frame_a_track_is_reported_from_its_second_frame() -> None:
    assert reported([Detections.empty(), one(0), one(1), one(2)]) == [[], [], [1], [1]]


def test_a_track_of_one_frame_that_is_missed_ends() -> None:
    assert reported([Detections.empty(), one(0), Detections.empty(), one(0)]) == [[]] * 4


def test_a_sure_detection_wins_over_an_unsure_one_in_the_same_place() -> None:
    tracker = ByteTrack(ByteTrackOptions())
    tracker.update(one(0))
    both = Detections(
        np.array([[1, 0, 41, 80], [0, 0, 40, 80]]), np.array([0.9, 0.4]), np.array([0, 0])
    )
    assert tracker.update(both).scores.tolist() == [pytest.approx(0.9)]


def test_the_filter_is_that_of_the_authors() -> None:
    # First step by hand: height 80, so position noise 4, velocity noise 0.5 (standard deviations).
    tracker = ByteTrack(ByteTrackOptions())
    tracker.update(one(0))
    moved = tracker.update(one(10))
    # P0 = 8^2 + 5^2 + 4^2 (start, start velocity, motion), gain = P0 / (P0 + 4^2).
    gain = (64 + 25 + 16) / (64 + 25 + 16 + 16)
    assert moved.xyxy[0, 0] == pytest.approx(10 * gain, rel=1e-5)
