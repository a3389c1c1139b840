"""Suppression does what its definition says, one box after the other."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.ops.nms import batched_nms

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
