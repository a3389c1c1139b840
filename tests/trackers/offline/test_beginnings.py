"""Tracks begin where they were first seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streamdet.trackers.offline.beginnings import begun_earlier
from tests.trackers.offline.rows import rows_of

# A step of 5 is an overlap of 35 / 45 = .78.
WALK = rows_of([(frame, int(frame >= 3), 5 * frame, 0.9) for frame in range(5)])


def test_a_track_takes_the_objects_before_it_as_far_as_is_allowed() -> None:
    assert begun_earlier(WALK, 2, 0.5).tolist() == [0, 1, 1, 1, 1]
    assert begun_earlier(WALK, 9, 0.5).tolist() == [1, 1, 1, 1, 1]


def test_it_ends_where_boxes_overlap_too_little() -> None:
    jump = rows_of([(0, 0, 100, 0.9), (1, 0, 5, 0.9), (2, 1, 10, 0.9)])
    assert begun_earlier(jump, 9, 0.5).tolist() == [0, 1, 1]


def test_a_frame_without_an_object_ends_it() -> None:
    assert begun_earlier(rows_of([(0, 0, 0, 0.9), (2, 1, 0, 0.9)]), 9, 0.5).tolist() == [0, 1]


def test_what_belongs_to_a_track_or_is_of_another_class_is_not_taken() -> None:
    rows = rows_of([(0, 2, 0, 0.9), (0, 0, 4, 0.9), (1, 1, 0, 0.9)])
    assert begun_earlier(rows, 9, 0.5).tolist() == [2, 1, 1]
    others = replace(rows, class_ids=np.array([0, 1, 0]))
    assert begun_earlier(others, 9, 0.5).tolist() == [2, 0, 1]


def test_the_track_that_began_first_takes_first() -> None:
    rows = rows_of([(0, 0, 0, 0.9), (1, 0, 0, 0.9), (2, 1, 0, 0.9), (1, 2, 9, 0.9)])
    order = np.argsort(rows.frames, kind="stable")
    assert begun_earlier(rows[order], 9, 0.5).tolist() == [2, 1, 2, 1]
