"""Soft-NMS lowers scores as its paper's metric says."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.ops.iou import pairwise_iou
from streamdet.ops.nms import batched_nms
from streamdet.ops.soft_nms import Decay, soft_nms

HALF = np.array([[0, 0, 2, 1], [0, 0, 1, 1], [9, 9, 10, 10]], dtype=np.float32)  # IoU 1/2, 0
SCORES = np.array([0.9, 0.8, 0.5])
ONE_CLASS = np.zeros(3, dtype=np.int64)


def test_linear_decay_multiplies_by_one_less_the_overlap() -> None:
    kept, scores = soft_nms(HALF, SCORES, ONE_CLASS, Decay("linear", iou_thresh=0.5))
    assert kept.tolist() == [0, 2, 1]
    assert scores.tolist() == pytest.approx([0.9, 0.5, 0.4])


def test_linear_decay_spares_overlaps_below_the_threshold() -> None:
    kept, scores = soft_nms(HALF, SCORES, ONE_CLASS, Decay("linear", iou_thresh=0.51))
    assert (kept.tolist(), scores.tolist()) == ([0, 1, 2], SCORES.tolist())


def test_gaussian_decay_falls_with_the_square_of_the_overlap() -> None:
    kept, scores = soft_nms(HALF, SCORES, ONE_CLASS, Decay("gaussian", sigma=0.5))
    assert kept.tolist() == [0, 2, 1]
    assert scores.tolist() == pytest.approx([0.9, 0.5, 0.8 * math.exp(-0.25 / 0.5)])


def test_boxes_whose_score_falls_too_low_are_dropped() -> None:
    kept, _ = soft_nms(HALF, SCORES, ONE_CLASS, Decay("linear"), score_thresh=0.45)
    assert kept.tolist() == [0, 2]


def test_classes_leave_each_other_alone() -> None:
    kept, scores = soft_nms(HALF, SCORES, np.array([0, 1, 0]), Decay())
    assert (kept.tolist(), scores.tolist()) == ([0, 1, 2], SCORES.tolist())


def test_no_box_gives_no_box() -> None:
    kept, scores = soft_nms(HALF[:0], SCORES[:0], ONE_CLASS[:0], Decay())
    assert (len(kept), len(scores)) == (0, 0)


box = st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(1, 12)] * 2).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(box, st.integers(1, 9)), min_size=1, max_size=12),
    st.sampled_from(["linear", "gaussian"]),
)
def test_scores_only_fall_and_come_in_falling_order(
    rows: list[tuple[tuple[int, ...], int]], kind: str
) -> None:
    xyxy = np.array([row[0] for row in rows], dtype=np.float32)
    scores = np.array([row[1] / 10 for row in rows])
    decay = Decay("linear") if kind == "linear" else Decay("gaussian")
    kept, lowered = soft_nms(xyxy, scores, np.zeros(len(rows), dtype=np.int64), decay)
    assert (lowered <= scores[kept]).all()
    assert (np.diff(lowered) <= 0).all()
    assert len(set(kept.tolist())) == len(kept)


@settings(deadline=None)
@given(st.lists(st.tuples(box, st.integers(1, 9)), min_size=1, max_size=12))
def test_a_decay_to_nothing_at_once_is_plain_suppression(
    rows: list[tuple[tuple[int, ...], int]],
) -> None:
    xyxy = np.array([row[0] for row in rows], dtype=np.float32)
    scores = np.array([row[1] / 10 for row in rows])
    class_ids = np.zeros(len(rows), dtype=np.int64)
    # Any overlap takes exp(-IoU^2 / 1e-9) of the score: nothing is left.
    kept, _ = soft_nms(xyxy, scores, class_ids, Decay("gaussian", sigma=1e-9))
    assert pairwise_iou(xyxy, xyxy)[np.ix_(kept, kept)].sum() == pytest.approx(len(kept))
    assert kept.tolist() == batched_nms(xyxy, scores, class_ids, 0.0).tolist()
