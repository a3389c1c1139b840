"""BoT-SORT."""

from __future__ import annotations

from dataclasses import replace

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


def pair(lefts: tuple[float, float], looks: tuple[int, int] | None) -> Detections:
    """Two people side by side whose vectors are unit vectors; None: nobody has looked."""
    boxes = [[x, 60, x + 40, 160] for x in lefts]
    vectors = None if looks is None else np.eye(2, dtype=np.float16)[list(looks)]
    return Detections(np.array(boxes), np.full(2, 0.95), np.zeros(2, np.int64), vectors=vectors)


@pytest.mark.parametrize(("looks", "expected"), [((1, 0), [2, 1]), (None, [1, 2])])
def test_vectors_of_detections_tell_who_is_who(
    looks: tuple[int, int] | None, expected: list[int]
) -> None:
    """Two people have swapped their places while nobody looked; a kill in between is not felt."""
    tracker, follower = BotSort(BotSortOptions()), BotSort(BotSortOptions())
    for _ in range(4):
        tracker.update(pair((100, 145), None if looks is None else (0, 1)))
    tracker.update(Detections.empty())
    follower.restore(tracker.state())
    for each in (tracker, follower):
        tracks = each.update(pair((115, 130), looks))
        assert tracks.track_ids is not None
        ids = [int(tracks.track_ids[place]) for place in tracks.xyxy[:, 0].argsort()]
        assert ids == expected


def test_vectors_of_another_length_begin_anew() -> None:
    tracker = BotSort(BotSortOptions())
    tracker.update(pair((100, 145), (0, 1)))
    longer = replace(pair((100, 145), (0, 1)), vectors=np.eye(3, dtype=np.float16)[:2])
    ids = tracker.update(longer).track_ids
    assert ids is not None
    assert ids.tolist() == [1, 2]
