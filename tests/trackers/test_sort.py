"""SORT."""

from __future__ import annotations

import numpy as np

from streamdet.detections import Detections
from streamdet.trackers.sort import Sort, SortOptions


def one(x: float, score: float = 0.9) -> Detections:
    return Detections(np.array([[x, 0, x + 40, 80]]), np.array([score]), np.array([0]))


def reported(tracker: Sort, frames: list[Detections]) -> list[int]:
    return [len(tracker.update(detections)) for detections in frames]


def test_the_first_frames_of_a_source_are_reported_at_once() -> None:
    assert reported(Sort(SortOptions(min_hits=3)), [one(x) for x in range(5)]) == [1] * 5


def test_a_later_track_is_reported_after_min_hits_more_matches() -> None:
    frames = [Detections.empty()] * 5 + [one(x) for x in range(5)]
    assert reported(Sort(SortOptions(min_hits=3)), frames) == [0] * 5 + [0, 0, 0, 1, 1]


def test_a_track_that_misses_a_frame_in_its_probation_ends() -> None:
    frames = [Detections.empty()] * 5 + [one(0), one(1), Detections.empty(), one(3), one(4), one(5)]
    assert reported(Sort(SortOptions(min_hits=3)), frames) == [0] * 11


def test_a_reported_track_that_was_lost_is_reported_when_it_is_found() -> None:
    frames = [one(x) for x in range(6)] + [Detections.empty()] * 3 + [one(9)]
    assert reported(Sort(SortOptions()), frames) == [1] * 6 + [0] * 3 + [1]


def test_overlap_below_the_threshold_is_no_match() -> None:
    tracker = Sort(SortOptions(iou_thresh=0.5))
    assert tracker.update(one(0)).track_ids == [1]
    assert tracker.update(one(20)).track_ids == [2]  # IoU 1/3


def test_scores_below_the_threshold_are_ignored() -> None:
    assert reported(Sort(SortOptions(score_thresh=0.5)), [one(0, score=0.4)] * 3) == [0] * 3
