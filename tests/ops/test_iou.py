"""Overlaps of boxes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamdet.ops.iou import (
    box_area,
    iou_of_edges,
    pairwise_iou,
)


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32).reshape(-1, 4)


def test_iou_of_half_shifted_squares_is_a_third() -> None:
    # 2 x 2 each, 1 x 2 in common: 2 / (4 + 4 - 2).
    iou = pairwise_iou(boxes((0, 0, 2, 2)), boxes((1, 0, 3, 2), (0, 0, 2, 2), (5, 5, 6, 6)))
    np.testing.assert_allclose(iou, [[1 / 3, 1.0, 0.0]])


def test_boxes_that_touch_do_not_overlap() -> None:
    assert pairwise_iou(boxes((0, 0, 1, 1)), boxes((1, 0, 2, 1)))[0, 0] == 0.0


def test_empty_and_inside_out_boxes_meet_none() -> None:
    odd = boxes((1, 1, 1, 1), (3, 3, 0, 0))
    assert not pairwise_iou(odd, np.vstack([odd, boxes((0, 0, 4, 4))])).any()


def test_no_boxes_give_an_empty_matrix() -> None:
    assert pairwise_iou(boxes(), boxes((0, 0, 1, 1))).shape == (0, 1)
    assert pairwise_iou(boxes((0, 0, 1, 1)), boxes()).shape == (1, 0)


def test_nan_boxes_overlap_nothing_for_certain() -> None:
    iou = pairwise_iou(boxes((np.nan, 0, 1, 1)), boxes((0, 0, 1, 1)))
    assert not (iou > 0).any()


def test_area_of_a_box_inside_out_is_0() -> None:
    assert box_area(boxes((0, 0, 2, 3), (2, 0, 0, 3), (2, 3, 0, 0))).tolist() == [6.0, 0.0, 0.0]


def test_partners_overlap_as_in_the_matrix() -> None:
    left, right = boxes((0, 0, 2, 2), (0, 0, 1, 1)), boxes((1, 0, 3, 2), (0, 0, 2, 2))
    np.testing.assert_allclose(iou_of_edges(left.T, right.T), [1 / 3, 1 / 4])
    np.testing.assert_allclose(np.diag(pairwise_iou(left, right)), [1 / 3, 1 / 4])


@given(st.lists(st.tuples(*[st.integers(0, 60)] * 4), min_size=1, max_size=6))
def test_iou_counts_pixels(rows: list[tuple[int, int, int, int]]) -> None:
    grid = np.zeros((len(rows), 61, 61), dtype=bool)
    for mask, (x1, y1, x2, y2) in zip(grid, rows, strict=True):
        mask[y1:y2, x1:x2] = True
    common = (grid[:, None] & grid[None]).sum((2, 3))
    union = (grid[:, None] | grid[None]).sum((2, 3))
    expected = common / np.maximum(union, 1)
    valid = [x2 > x1 and y2 > y1 for x1, y1, x2, y2 in rows]
    got = pairwise_iou(boxes(*rows), boxes(*rows))
    np.testing.assert_allclose(got[np.ix_(valid, valid)], expected[np.ix_(valid, valid)])
