"""Gaps are filled on a straight line."""

from __future__ import annotations

import pytest

from streamdet.trackers.offline.gaps import fill_gaps
from tests.trackers.offline.rows import rows_of

GAP = rows_of([(0, 1, 0, 0.9), (1, 1, 10, 0.9), (4, 1, 40, 0.6)])


def test_boxes_and_scores_lie_between_those_of_the_two_matches() -> None:
    filled = fill_gaps(GAP, longest=3)
    assert filled.frames.tolist() == [2, 3]
    assert filled.track_ids.tolist() == [1, 1]
    assert filled.xyxy.tolist() == [[20, 0, 60, 80], [30, 0, 70, 80]]
    assert filled.scores.tolist() == pytest.approx([0.8, 0.7])


def test_a_longer_gap_stays() -> None:
    assert len(fill_gaps(GAP, longest=2)) == 0


def test_objects_of_no_track_have_no_gaps() -> None:
    assert len(fill_gaps(rows_of([(0, 0, 0, 0.9), (2, 0, 0, 0.9)]), longest=5)) == 0


def test_those_of_several_tracks_rise_by_frame() -> None:
    rows = rows_of([(0, 2, 0, 0.9), (3, 1, 0, 0.9), (5, 1, 0, 0.9), (7, 2, 0, 0.9)])
    assert fill_gaps(rows, longest=9).frames.tolist() == [1, 2, 3, 4, 4, 5, 6]


def test_of_nothing_there_is_nothing() -> None:
    assert len(fill_gaps(rows_of([]), longest=9)) == 0
