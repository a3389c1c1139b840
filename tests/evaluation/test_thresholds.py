"""Boxes and tracks are judged at each threshold, by counting in sight."""

from __future__ import annotations

import numpy as np

from streamdet.detections import Detections
from streamdet.evaluation.thresholds import SCORES, BoxPoint, box_points, track_points
from streamdet.evaluation.truth import Truth, TruthImage, TruthObject
from streamdet.trackers.byte_track import ByteTrack

PERSON = 1


def found(*scores: float) -> Detections:
    """Boxes 20 wide, 100 apart: the first at x = 0."""
    lefts = [100.0 * place for place in range(len(scores))]
    xyxy = np.array([[left, 0, left + 20, 40] for left in lefts], np.float32).reshape(-1, 4)
    return Detections(xyxy, np.array(scores, np.float32), np.zeros(len(scores), np.int64))


def truth(frames: int) -> Truth:
    """One person at x = 0 in each frame."""
    objects = tuple(
        TruthObject(number, PERSON, (0.0, 0.0, 20.0, 40.0), 800.0, track_id=7)
        for number in range(1, frames + 1)
    )
    images = {n: TruthImage(n, f"frame {n}", (480, 640)) for n in range(1, frames + 1)}
    return Truth("made up", images, {PERSON: "person"}, objects)


def test_a_higher_threshold_leaves_fewer_boxes() -> None:
    """The right box has .5 in one frame and .32 in the other, the wrong one .42."""
    seen = {1: found(0.5, 0.42), 2: found(0.32)}
    points = {point.score_thresh: point for point in box_points(truth(2), seen, {0: PERSON})}
    assert list(points) == list(SCORES)
    assert points[0.3] == BoxPoint(0.3, correct=2, false=1, objects=2)
    assert points[0.35] == BoxPoint(0.35, correct=1, false=1, objects=2)
    assert points[0.45] == BoxPoint(0.45, correct=1, false=0, objects=2)
    assert points[0.6] == BoxPoint(0.6, correct=0, false=0, objects=2)
    assert (points[0.3].recall, points[0.3].precision, points[0.3].f1) == (1.0, 2 / 3, 4 / 5)
    assert points[0.6].precision == 1.0


def test_a_track_begins_only_from_its_threshold_on() -> None:
    """.52 begins tracks up to a threshold of .5; those of the first frame count at once."""
    points = track_points(truth(4), [found(0.52)] * 4, {0: PERSON}, ByteTrack)
    missed = {(point.high_thresh, point.new_thresh): point.scores.misses for point in points}
    assert missed[0.45, 0.5] == 0
    assert missed[0.45, 0.55] == 4
    assert missed[0.6, 0.7] == 4
