"""The exact assignment, against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from streamdet.trackers.assignment import assign


def best_total(gain: np.ndarray) -> float:
    worth = np.maximum(gain, 0.0)
    return float(worth[linear_sum_assignment(worth, maximize=True)].sum())


@settings(max_examples=300)
@given(
    arrays(
        np.float64,
        st.tuples(st.integers(0, 7), st.integers(0, 7)),
        elements=st.integers(-4, 9).map(lambda tenths: tenths / 10),
    )
)
def test_total_gain_is_the_largest_possible_also_with_ties(gain: np.ndarray) -> None:
    rows, columns = assign(gain)
    assert np.all(np.diff(rows) > 0)
    assert len(set(columns.tolist())) == len(columns)
    assert np.all(gain[rows, columns] > 0)
    assert gain[rows, columns].sum() == pytest.approx(best_total(gain), abs=1e-9)


@pytest.mark.parametrize("count", [20, 60])
def test_a_crowd_where_everybody_overlaps_is_solved_exactly(count: int) -> None:
    gain = np.random.default_rng(count).random((count, count + 3))
    rows, columns = assign(gain)
    assert gain[rows, columns].sum() == pytest.approx(best_total(gain))


def test_a_row_gives_way_when_the_other_one_has_no_choice() -> None:
    rows, columns = assign(np.array([[0.9, 0.8], [0.85, 0.0]]))
    assert (rows.tolist(), columns.tolist()) == ([0, 1], [1, 0])


def test_a_row_is_left_alone_where_that_gains_more() -> None:
    rows, columns = assign(np.array([[0.9], [0.4], [0.95]]))
    assert (rows.tolist(), columns.tolist()) == ([2], [0])


def test_pairs_without_gain_are_not_matched() -> None:
    rows, columns = assign(np.array([[0.0, -1.0]]))
    assert len(rows) == len(columns) == 0


def test_pairs_that_are_not_allowed_are_not_matched() -> None:
    gain = np.array([[0.9, 0.4], [0.8, 0.7]])
    rows, columns = assign(gain, np.array([[False, True], [False, True]]))
    assert (rows.tolist(), columns.tolist()) == ([1], [1])


def test_of_three_rows_that_want_one_column_the_best_gets_it() -> None:
    rows, columns = assign(np.array([[0.4], [0.9], [0.5]]))
    assert (rows.tolist(), columns.tolist()) == ([1], [0])
