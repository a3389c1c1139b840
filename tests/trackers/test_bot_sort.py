"""BoT-SORT."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.trackers.bot_sort import BotSort, BotSortOptions


def one(x: float, score: float = 0.9, wh: tuple[float, float] = (40, 80)) -> Detections:
    box = [x, 0, x + wh[0], wh[1]]
    return Detections(np.array([box]), np.array([score]), np.array([0]))


def reported(frames: list[Detections]) -> list[list[int]]:
    tracker = BotSort(BotSortOptions())
    results = [tracker.update(detections).track_ids for detections in frames]
    return [ids.tolist() for ids in results if ids is not None]


def test_after_the_first_frames_a_track_is_reported_from_its_third_match_on() -> None:
    begin = [Detections.empty()] * 3
    assert reported([*begin, one(0), one(1), one(2), one(3)]) == [[], [], [], [], [], [1], [1]]


def test_low_scores_keep_a_track_alive_but_do_not_find_a_lost_one_again() -> None:
    frames = [one(0), one(0), one(0, score=0.7), Detections.empty(), one(0, score=0.7), one(0)]
    assert reported(frames) == [[1], [1], [1], [], [], [1]]


def test_of_a_file_of_detections_only_sure_ones_begin_tracks() -> None:
    assert reported([one(0, score=0.88)] * 4) == [[]] * 4


def test_the_filter_is_that_of_the_paper_with_other_noise() -> None:
    tracker = BotSort(BotSortOptions())
    tracker.update(one(0))
    moved = tracker.update(one(10, wh=(44, 80)))
    # The centre goes from 20 to 32. Width 40: deviations of start 4, start velocity 20, motion 2;
    # of the measurement 3.
    centre_gain = (16 + 400 + 4) / (16 + 400 + 4 + 9)
    width_gain = centre_gain
    centre, width = 20 + 12 * centre_gain, 40 + 4 * width_gain
    wanted = [centre - width / 2, centre + width / 2]
    assert moved.xyxy[0, [0, 2]].tolist() == pytest.approx(wanted, rel=1e-5)


def test_a_lost_track_does_not_grow() -> None:
    tracker = BotSort(BotSortOptions())
    for side in (40, 50, 60, 70):
        tracker.update(one(0, wh=(side, side)))
    for _ in range(5):
        tracker.update(Detections.empty())
    # Grown on it would be 120 wide, and overlap too little.
    again = tracker.update(one(0, wh=(75, 75)))
    assert again.track_ids is not None
    assert again.track_ids.tolist() == [1]
