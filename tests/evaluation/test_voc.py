"""VOC's average precision, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamdet.evaluation.truth import TruthObject
from streamdet.evaluation.voc import (
    FALSE,
    IGNORED,
    TRUE,
    ap_11_point,
    ap_area,
    judge,
    recall_precision,
    voc_scores,
)
from tests.evaluation.scenes import DOG, a_result, a_truth, an_object

LEFT = (0.0, 0.0, 10.0, 10.0)
RIGHT = (50.0, 0.0, 10.0, 10.0)


def test_both_averages_of_true_false_true() -> None:
    recall, precision = recall_precision(np.array([TRUE, FALSE, TRUE], np.int8), 2)
    assert recall.tolist() == [0.5, 0.5, 1.0]
    assert precision == pytest.approx([1.0, 1 / 2, 2 / 3])
    # Best precision from a recall on: 1 up to 0.5, then 2/3.
    assert ap_area(recall, precision) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert ap_11_point(recall, precision) == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)


def test_without_results_the_average_is_0() -> None:
    recall, precision = recall_precision(np.zeros(0, np.int8), 3)
    assert (ap_area(recall, precision), ap_11_point(recall, precision)) == (0.0, 0.0)


def test_the_second_result_of_an_object_is_false() -> None:
    found = [a_result(1, LEFT, 0.5), a_result(1, LEFT, 0.9), a_result(2, LEFT, 0.7)]
    verdicts = judge([an_object(1, LEFT)], found)
    assert verdicts.tolist() == [TRUE, FALSE, FALSE]  # 0.9, 0.7 (another image), 0.5


@pytest.mark.parametrize(("width", "verdict"), [(5.0, TRUE), (4.9, FALSE)])
def test_an_iou_of_a_half_is_enough(width: float, verdict: int) -> None:
    assert judge([an_object(1, LEFT)], [a_result(1, (0.0, 0.0, width, 10.0))]).tolist() == [verdict]


@pytest.mark.parametrize(
    ("ignored", "verdict"),
    [
        (an_object(1, (0, 0, 100, 100), is_crowd=True), IGNORED),
        (an_object(1, (0, 0, 100, 100), is_difficult=True), FALSE),  # IoU 0.01
        (an_object(1, LEFT, is_difficult=True), IGNORED),
    ],
)
def test_a_crowd_forgives_what_lies_in_it_a_difficult_object_what_meets_it(
    ignored: TruthObject, verdict: int
) -> None:
    assert judge([ignored], [a_result(1, LEFT), a_result(1, LEFT)]).tolist() == [verdict] * 2


def test_a_box_on_an_object_in_a_crowd_is_the_object_s() -> None:
    crowd = an_object(1, (0, 0, 100, 100), is_crowd=True)
    assert judge([crowd, an_object(1, LEFT)], [a_result(1, LEFT)]).tolist() == [TRUE]


def test_the_mean_leaves_out_classes_without_objects() -> None:
    scores = voc_scores(a_truth(an_object(1, LEFT)), [a_result(1, LEFT), a_result(1, LEFT, 1, DOG)])
    assert (scores.ap_area, scores.ap_11_point) == (1.0, 1.0)
    assert scores.classes["dog"].ap_area is None


@given(st.lists(st.sampled_from([TRUE, FALSE, IGNORED]), max_size=30))
def test_averages_lie_between_0_and_recall_and_1(verdicts: list[int]) -> None:
    recall, precision = recall_precision(np.array(verdicts, np.int8), max(1, verdicts.count(TRUE)))
    area, points = ap_area(recall, precision), ap_11_point(recall, precision)
    assert 0.0 <= area <= 1.0 + 1e-12
    assert 0.0 <= points <= 1.0 + 1e-12
