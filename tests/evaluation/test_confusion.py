"""What is taken for what."""

from __future__ import annotations

import pytest

from streamdet.evaluation.confusion import Cell, best_threshold, confusion, size_of
from tests.evaluation.scenes import DOG, a_result, a_truth, an_object

LEFT = (0.0, 0.0, 20.0, 20.0)
RIGHT = (100.0, 0.0, 40.0, 40.0)


def test_every_object_and_result_is_accounted_for_once() -> None:
    truth = a_truth(an_object(1, LEFT), an_object(1, RIGHT), an_object(2, LEFT, DOG))
    found = [a_result(1, LEFT), a_result(1, RIGHT, 0.8, DOG), a_result(2, RIGHT, 0.7)]
    assert set(confusion(truth, found, 0.5).cells) == {
        Cell("cat", "cat", "small", 1),
        Cell("cat", "dog", "medium", 1),
        Cell("dog", None, "small", 1),
        Cell(None, "cat", "medium", 1),
    }


def test_a_result_of_the_right_class_comes_first() -> None:
    truth = a_truth(an_object(1, LEFT))
    near = (0.0, 0.0, 20.0, 15.0)
    cells = confusion(truth, [a_result(1, LEFT, 0.9, DOG), a_result(1, near, 0.8)], 0.5).cells
    assert set(cells) == {Cell("cat", "cat", "small", 1), Cell(None, "dog", "small", 1)}


def test_ignored_objects_are_neither_missed_nor_false() -> None:
    truth = a_truth(an_object(1, LEFT, is_difficult=True), an_object(2, LEFT, is_crowd=True))
    assert confusion(truth, [a_result(1, LEFT)], 0.5).cells == ()


def test_totals_are_by_size() -> None:
    both = confusion(a_truth(an_object(1, LEFT), an_object(1, RIGHT)), [a_result(1, LEFT)], 0.5)
    assert (both.total("small", "right"), both.total("medium", "missed")) == (1, 1)
    assert (both.total("medium", "right"), both.total("small", "false")) == (0, 0)


def test_the_threshold_is_that_of_the_best_f1() -> None:
    truth = a_truth(an_object(1, LEFT), an_object(1, RIGHT))
    found = [a_result(1, LEFT, 0.9), a_result(1, RIGHT, 0.6), a_result(2, LEFT, 0.3)]
    # F1 from 0.9 on: 2/3; from 0.6 on: 1; from 0.3 on: 4/5.
    assert best_threshold(truth, found) == 0.6
    assert best_threshold(truth, []) == 0.0
    assert confusion(truth, found).total("small", "false") == 0


@pytest.mark.parametrize(
    ("area", "size"), [(1023, "small"), (1024, "medium"), (9215, "medium"), (9216, "large")]
)
def test_sizes_are_coco_s(area: float, size: str) -> None:
    assert size_of(area) == size
