"""Tracks of detections."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.labelling.following import begun_earlier, followed_by, make_tracker
from streamdet.registry import KINDS

_AT_0 = np.array([0, 0, 20, 40], np.float32)
_LEFT_RIGHT = np.array([1, 0, 1, 0], np.float32)


def boxes(*rows: Any) -> Detections:
    """Each row: x1, score, class and track of a box of 20 x 40 pixels; 0: no track."""
    table = np.array(rows, np.float32).reshape(-1, 4)
    ids = table.astype(np.int64)
    xyxy = table[:, :1] * _LEFT_RIGHT + _AT_0
    return Detections(xyxy, table[:, 1], ids[:, 2], ids[:, 3])


@pytest.mark.parametrize("kind", sorted(KINDS["tracker"]))
def test_detections_keep_their_boxes_and_get_tracks(kind: str) -> None:
    follow = followed_by(make_tracker(kind, 0.5, 0.2))
    frames = []
    for number in range(8):
        weak = 0.3 if number == 6 else 0.8
        frames.append(follow(boxes((500, 0.1, 0, 0), (2 * number, weak, 0, 0))))
    assert [found.xyxy[1, 0] for found in frames] == [0, 2, 4, 6, 8, 10, 12, 14]
    tracked = begun_earlier(frames)
    assert [found.track_ids.tolist() for found in tracked if found.track_ids is not None] == [
        [0, 1]
    ] * 8


def test_a_track_is_followed_back_over_boxes_of_its_class_only() -> None:
    frames = [boxes((0, 0.9, 1, 0)), boxes((1, 0.3, 0, 0)), boxes((2, 0.9, 0, 5))]
    ids = [
        found.track_ids.tolist() for found in begun_earlier(frames) if found.track_ids is not None
    ]
    assert ids == [[0], [5], [5]]


def test_a_track_is_not_followed_back_to_a_box_elsewhere_or_of_another_track() -> None:
    frames = [boxes((50, 0.9, 0, 0), (0, 0.9, 0, 4)), boxes((0, 0.9, 0, 5))]
    ids = [
        found.track_ids.tolist() for found in begun_earlier(frames) if found.track_ids is not None
    ]
    assert ids == [[0, 4], [5]]


def test_nothing_is_followed_where_nothing_was_found() -> None:
    follow = followed_by(make_tracker("byte_track", 0.5, 0.2))
    assert [len(found) for found in begun_earlier([follow(boxes()), follow(boxes())])] == [0, 0]
