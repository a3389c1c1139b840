"""Suppression does what its definition says, one box after the other."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.ops.nms import batched_nms, nms

Boxes = list[tuple[int, int, int, int, int, int]]


def iou(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    union = sum(areas) - width * height
    return width * height / union if union else 0.0


def expected(boxes: Boxes, iou_thresh: float) -> list[int]:
    chosen: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: (-boxes[i][4], i)):
        rivals = [boxes[k] for k in chosen if boxes[k][5] == boxes[index][5]]
        if all(iou(rival[:4], boxes[index][:4]) <= iou_thresh for rival in rivals):
            chosen.append(index)
    return chosen


def kept(boxes: Boxes, iou_thresh: float) -> list[int]:
    table = np.array(boxes, dtype=np.float32).reshape(-1, 6)
    class_ids = table[:, 5].astype(np.int64)
    rows = batched_nms(table[:, :4], table[:, 4], class_ids, iou_thresh)
    return [int(row) for row in rows]


box = st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(0, 12)] * 2).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)
scored = st.tuples(box, st.integers(0, 5), st.integers(0, 1)).map(lambda b: (*b[0], b[1], b[2]))


@settings(max_examples=200, deadline=None)
@given(st.lists(scored, max_size=25), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_nms_keeps_what_the_plain_definition_keeps(boxes: Boxes, iou_thresh: float) -> None:
    assert kept(boxes, iou_thresh) == expected(boxes, iou_thresh)


def test_nms_keeps_the_lower_index_when_scores_tie() -> None:
    boxes = [(0, 0, 10, 10, 5, 0), (0, 0, 10, 9, 5, 0)]
    assert kept(boxes, 0.5) == [0]


def test_nms_keeps_a_box_whose_overlap_equals_the_threshold() -> None:
    boxes = [(0, 0, 2, 1, 9, 0), (0, 0, 1, 1, 8, 0)]  # IoU 1/2
    assert kept(boxes, 0.5) == [0, 1]
    assert kept(boxes, 0.49) == [0]


def test_a_dropped_box_drops_no_other() -> None:
    boxes = [(0, 0, 10, 1, 9, 0), (4, 0, 14, 1, 8, 0), (8, 0, 18, 1, 7, 0)]
    assert kept(boxes, 0.4) == [0, 2]


def test_classes_do_not_suppress_each_other() -> None:
    boxes = [(0, 0, 10, 10, 9, 0), (0, 0, 10, 10, 8, 1)]
    assert kept(boxes, 0.5) == [0, 1]


def test_no_box_gives_no_box() -> None:
    assert kept([], 0.5) == []


def test_a_nan_box_drops_nothing() -> None:
    xyxy = np.array([[np.nan] * 4, [0, 0, 9, 9]], dtype=np.float32)
    rows = batched_nms(xyxy, np.array([0.9, 0.8]), np.zeros(2, dtype=np.int64), 0.5)
    assert rows.tolist() == [0, 1]


def test_top_k_keeps_the_best_of_what_is_left() -> None:
    xyxy = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [20, 0, 29, 9], [40, 0, 49, 9]], dtype=np.float32)
    scores = np.array([0.9, 0.8, 0.6, 0.7])
    assert nms(xyxy, scores, 0.5).tolist() == [0, 3, 2]
    assert nms(xyxy, scores, 0.5, top_k=2).tolist() == [0, 3]
    classes = np.array([0, 1, 2, 3])
    assert batched_nms(xyxy, scores, classes, 0.5, top_k=2).tolist() == [0, 1]


def test_many_boxes_far_from_the_origin_are_decided_exactly() -> None:
    # More than a block, two classes; pairs of unit boxes that overlap by exactly 1/3 and by more.
    count = 300
    left = 1e5 + 4 * np.arange(count)
    shift = np.where(np.arange(count) % 2, 0.5, 0.4375)
    first = np.stack([left, left * 0, left + 1, left * 0 + 1], axis=1)
    second = first + np.stack([shift, shift * 0, shift, shift * 0], axis=1)
    xyxy = np.concatenate([first, second]).astype(np.float32)
    scores = np.concatenate([np.full(count, 0.9), np.full(count, 0.8)])
    class_ids = np.tile(np.arange(count) % 3, 2)
    rows = batched_nms(xyxy, scores, class_ids, 1 / 3)
    assert rows.tolist() == [*range(count), *range(count + 1, 2 * count, 2)]


def test_boxes_without_end_and_inside_out_drop_nothing() -> None:
    xyxy = np.array([[0, 0, np.inf, 9], [0, 0, 9, 9], [9, 9, 0, 0], [9, 9, 0, 0]], dtype=np.float32)
    assert nms(xyxy, np.array([4.0, 3, 2, 1]), 0.0).tolist() == [0, 1, 2, 3]
