"""Tracked masks against the truth; frames are 100 x 200 pixels, a mask fills some columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamdet.evaluation.mots import MotsScores, score_mask_tracks
from streamdet.evaluation.results import Result
from streamdet.evaluation.truth import TruthObject
from streamdet.ops.run_length import encode
from tests.evaluation.scenes import CAT, DOG, a_result, a_truth, an_object

BOX = (0.0, 0.0, 10.0, 100.0)


def columns(begin: int, end: int) -> dict[str, Any]:
    mask = np.zeros((100, 200), np.bool_)
    mask[:, begin:end] = True
    return {"size": [100, 200], "counts": encode(mask).decode()}


def wanted(frame: int, track_id: int | None, begin: int, end: int, **more: Any) -> TruthObject:
    return an_object(frame, BOX, track_id=track_id, segmentation=columns(begin, end), **more)


def found(frame: int, track_id: int, begin: int, end: int, score: float = 0.9) -> Result:
    return a_result(frame, BOX, score, track_id=track_id, segmentation=columns(begin, end))


def cats(objects: list[TruthObject], results: list[Result], frames: int = 4) -> MotsScores:
    return score_mask_tracks(a_truth(*objects, images=frames), results)["cat"]


def test_perfect_masks_and_tracks_are_1() -> None:
    objects = [wanted(n, 5, 0, 10) for n in (1, 2)]
    scores = cats(objects, [found(n, 1, 0, 10) for n in (1, 2)])
    assert (scores.smotsa, scores.motsa, scores.motsp) == (1.0, 1.0, 1.0)
    assert (scores.objects, scores.misses, scores.false_positives, scores.switches) == (2, 0, 0, 0)


def test_the_soft_score_counts_overlaps_and_takes_false_alarms_and_switches_off() -> None:
    """Two of four are found, at IoU .8 and 1, with another track; one result is false."""
    objects = [wanted(n, 5, 0, 10) for n in (1, 2, 3, 4)]
    results = [found(1, 1, 0, 8), found(3, 2, 0, 10), found(3, 3, 50, 60)]
    scores = cats(objects, results)
    assert (scores.true_positives, scores.false_positives, scores.switches) == (2, 1, 1)
    assert scores.smotsa == pytest.approx((1.8 - 1 - 1) / 4)
    assert scores.motsa == pytest.approx((2 - 1 - 1) / 4)
    assert scores.motsp == pytest.approx(0.9)


def test_half_an_overlap_is_none() -> None:
    scores = cats([wanted(1, 5, 0, 10)], [found(1, 1, 0, 5)])
    assert (scores.true_positives, scores.false_positives, scores.misses) == (0, 1, 1)
    assert scores.motsp is None


def test_results_are_made_not_to_overlap_by_their_scores() -> None:
    """The one of score .9 takes 6 of 10 columns; what is left of the other is no match."""
    objects = [wanted(1, 5, 0, 10)]
    scores = cats(objects, [found(1, 1, 0, 10, 0.5), found(1, 2, 4, 10, 0.9)])
    assert (scores.true_positives, scores.false_positives) == (1, 1)
    assert scores.soft_true_positives == pytest.approx(0.6)


def test_what_lies_mostly_in_a_region_that_does_not_count_is_not_false() -> None:
    region = wanted(1, None, 100, 150, is_crowd=True)
    results = [found(1, 1, 120, 170), found(1, 2, 90, 110)]  # 30 of 50, and 10 of 20, columns
    scores = cats([wanted(1, 5, 0, 10), region], results)
    assert scores.false_positives == 1


def test_classes_are_scored_apart_and_only_where_masks_have_tracks() -> None:
    objects = [wanted(1, 5, 0, 10), wanted(1, 6, 20, 30, category_id=DOG)]
    scores = score_mask_tracks(a_truth(*objects), [found(1, 1, 0, 10)])
    assert {name: each.smotsa for name, each in scores.items()} == {"cat": 1.0, "dog": 0.0}
    no_track = [a_result(1, BOX, segmentation=columns(0, 10))]
    assert score_mask_tracks(a_truth(*objects), no_track) == {}
    assert score_mask_tracks(a_truth(an_object(1, BOX, CAT, track_id=1)), no_track) == {}
