"""Which detections are labels."""

from __future__ import annotations

import pytest

from streamdet.labelling.verdicts import Label, judge
from tests.labelling.test_following import boxes

THRESH = 0.6


def told(labels: list[Label]) -> list[tuple[str, int | None]]:
    return [(label.verdict, label.row) for label in labels]


def test_a_sure_track_makes_its_weak_detections_objects() -> None:
    frames = [boxes((0, score, 0, 1)) for score in (0.8, 0.3, 0.7)]
    assert [told(labels) for labels in judge(frames, THRESH)] == [[("object", 0)]] * 3


def test_a_track_of_two_frames_does_not_vouch_for_weak_detections() -> None:
    frames = [boxes((0, 0.9, 0, 1)), boxes((0, 0.3, 0, 1))]
    assert [told(labels) for labels in judge(frames, THRESH)] == [[("object", 0)], [("ignored", 0)]]


def test_a_track_that_is_mostly_weak_is_judged_detection_by_detection() -> None:
    frames = [boxes((0, score, 0, 1)) for score in (0.3, 0.5, 0.7)]
    verdicts = [labels[0].verdict for labels in judge(frames, THRESH)]
    assert verdicts == ["ignored", "ignored", "object"]


@pytest.mark.parametrize(("score", "verdict"), [(0.61, "object"), (0.59, "ignored")])
@pytest.mark.parametrize("track_id", [0, 3])
def test_what_is_seen_once_stands_for_itself(score: float, verdict: str, track_id: int) -> None:
    [[label]] = judge([boxes((0, score, 0, track_id))], THRESH)
    assert (label.verdict, label.track_id) == (verdict, track_id or None)


def test_of_two_classes_at_the_same_place_the_better_track_is_kept() -> None:
    car, truck = (0, 0.55, 2, 1), (1, 0.7, 7, 2)  # IoU 19 / 21
    frames = [boxes((0, 0.9, 2, 1)), boxes(car, truck), boxes((0, 0.9, 2, 1))]
    assert told(judge(frames, THRESH)[1]) == [("object", 0)]


def test_people_who_overlap_are_all_kept() -> None:
    labels = judge([boxes((0, 0.9, 0, 0), (1, 0.8, 0, 0))], THRESH)
    assert told(labels[0]) == [("object", 0), ("object", 1)]


def test_where_a_track_was_lost_is_ignored() -> None:
    frames = [boxes((0, 0.9, 0, 1)), boxes(), boxes(), boxes((30, 0.9, 0, 1))]
    labels = judge(frames, THRESH)
    assert [len(each) for each in labels] == [1, 1, 1, 1]
    lost = labels[1][0]
    assert (lost.verdict, lost.score, lost.track_id) == ("ignored", None, 1)
    assert lost.xyxy == pytest.approx((10, 0, 30, 40))


def test_nothing_is_judged_where_there_is_nothing() -> None:
    assert judge([], THRESH) == []
    assert judge([boxes()], THRESH) == [[]]
