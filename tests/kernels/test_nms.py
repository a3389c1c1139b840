"""Nms keeps, bit for bit, what ops/nms.py keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.kernels.nms import Nms
from tests.kernels.conftest import BOTH_ORDERS, Device
from tests.kernels.on_device import OnDevice
from tests.kernels.operations import (
    Array,
    Boxes,
    nms_by_kernel,
    nms_by_reference,
    taken_by_kernel,
    taken_by_reference,
)

pytestmark = BOTH_ORDERS

SIDES = [0.0, 1.0, 4.0, 4.000001, 7.5, 60.0, -3.0, np.nan, np.inf]
SCORES = [0.0, 0.25, 0.5, 0.500001, 1.0, -1.0, np.nan, np.inf]
PLACES = [*map(float, range(13)), np.nan, -np.inf, 1e9]


def drawn(seed: int, images: int, count: int) -> Boxes:
    """Candidates of few values each, so that boxes meet, scores tie and nothing is sane."""
    rng = np.random.default_rng(seed)
    corners = rng.choice(PLACES, (images, count, 2), p=[0.076] * 13 + [0.004] * 3)
    with np.errstate(invalid="ignore"):
        ends = corners + rng.choice(SIDES, corners.shape, p=[0.14] * 7 + [0.01] * 2)
    return Boxes(
        np.concatenate([corners, ends], axis=2).astype(np.float32),
        rng.choice(SCORES, (images, count)).astype(np.float32),
        rng.integers(0, 3, (images, count)),
    )


def assert_same(device: Device, boxes: Boxes, op: Nms, most: int) -> None:
    indices, counts = nms_by_kernel(device("nms"), boxes, op, most)
    wanted_indices, wanted_counts = nms_by_reference(boxes, op, most)
    assert counts.tolist() == wanted_counts.tolist()
    assert indices.tolist() == wanted_indices.tolist()


def assert_taken(on: OnDevice, boxes: Boxes, indices: Array, counts: Array) -> None:
    """The rows that are kept are copied out, and zeros behind them."""
    if not boxes.scores.shape[1]:
        return
    found = taken_by_kernel(on, boxes, indices, counts)
    wanted = taken_by_reference(boxes, indices, counts)
    np.testing.assert_array_equal(found.xyxy, wanted.xyxy)
    np.testing.assert_array_equal(found.scores, wanted.scores)
    np.testing.assert_array_equal(found.class_ids, wanted.class_ids)


def test_what_is_kept_is_copied_out_in_its_order(device: Device) -> None:
    boxes = Boxes.of_one_image(
        [[0, 0, 1, 2], [3, 0, 4, 2], [5, 0, 6, 2]], [0.25, 0.5, 1], [4, 5, 6]
    )
    found = taken_by_kernel(device("nms"), boxes, np.array([[2, 0, 0]]), np.array([2]))
    assert found.xyxy.tolist() == [[[5, 0, 6, 2], [0, 0, 1, 2], [0, 0, 0, 0]]]
    assert found.scores.tolist() == [[1, 0.25, 0]]
    assert found.class_ids.tolist() == [[6, 4, 0]]


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 2),
    st.integers(0, 200),
    st.sampled_from([0.0, 1 / 3, 0.5, 0.7, 1.0]),
    st.sampled_from([-0.5, 0.0, 0.25]),
)
def test_the_kernel_keeps_what_the_reference_keeps(
    device: Device, seed: int, images: int, count: int, iou_thresh: float, score_thresh: float
) -> None:
    op, most = Nms(iou_thresh, score_thresh), min(count, seed % 256)
    assert_same(device, drawn(seed, images, count), op, most)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 256, 257])
def test_any_number_of_boxes(device: Device, count: int) -> None:
    rng = np.random.default_rng(count)
    xyxy = rng.integers(0, 30, (2, count, 4)).astype(np.float32)
    xyxy[..., 2:] += xyxy[..., :2]
    boxes = Boxes(
        xyxy,
        rng.integers(0, 9, (2, count)).astype(np.float32) / 8,
        rng.integers(0, 3, (2, count)),
    )
    assert_same(device, boxes, Nms(0.4, 0.1), count)


def test_ten_thousand_boxes(device: Device) -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 2000, (1, 10_000, 2))
    xyxy = np.concatenate([corners, corners + rng.uniform(5, 200, corners.shape)], axis=2)
    scores = rng.integers(0, 1000, (1, 10_000)).astype(np.float32) / 1000  # many ties
    boxes = Boxes(xyxy.astype(np.float32), scores, rng.integers(0, 3, (1, 10_000)))
    assert_same(device, boxes, Nms(0.5, 0.05), 10_000)


def test_of_equal_boxes_the_first_is_kept(device: Device) -> None:
    boxes = Boxes.of_one_image([[1, 1, 5, 5]] * 300, [0.5] * 300)
    indices, counts = nms_by_kernel(device("nms"), boxes, Nms(0.5, 0.1), 4)
    assert indices.tolist() == [[0, 0, 0, 0]]
    assert counts.tolist() == [1]


def test_ties_are_by_index_and_the_best_come_first(device: Device) -> None:
    apart = [[9.0 * x, 0, 9 * x + 5, 5] for x in range(4)]
    boxes = Boxes.of_one_image(apart, [0.5, 0.9, 0.5, 0.9])
    indices, counts = nms_by_kernel(device("nms"), boxes, Nms(0.5, 0.1), 3)
    assert indices.tolist() == [[1, 3, 0]]
    assert counts.tolist() == [3]


def test_a_dropped_box_drops_no_other_over_the_edge_of_a_tile(device: Device) -> None:
    # A row of boxes of 10, each 4 beside the one before: every one overlaps the next by .43 only.
    row = [[4.0 * x, 0, 4 * x + 10, 1] for x in range(200)]
    boxes = Boxes.of_one_image(row, [1 - x / 1000 for x in range(200)])
    indices, counts = nms_by_kernel(device("nms"), boxes, Nms(0.4, 0.1), 200)
    assert counts.tolist() == [100]
    assert indices[0, :100].tolist() == list(range(0, 200, 2))


def test_an_overlap_equal_to_the_threshold_is_kept(device: Device) -> None:
    boxes = Boxes.of_one_image([[0, 0, 2, 1], [0, 0, 1, 1]], [0.9, 0.8])  # IoU 1/2
    assert nms_by_kernel(device("nms"), boxes, Nms(0.5, 0.1), 2)[1].tolist() == [2]
    assert nms_by_kernel(device("nms"), boxes, Nms(0.49, 0.1), 2)[1].tolist() == [1]


def test_one_image_says_nothing_of_another(device: Device) -> None:
    both = Boxes(
        np.array([[[0, 0, 9, 9], [0, 0, 9, 9]], [[0, 0, 9, 9], [50, 0, 59, 9]]], np.float32),
        np.array([[0.9, 0.8], [0.7, 0.8]], np.float32),
        np.zeros((2, 2), np.int64),
    )
    indices, counts = nms_by_kernel(device("nms"), both, Nms(0.5, 0.1), 2)
    assert indices.tolist() == [[0, 0], [1, 0]]
    assert counts.tolist() == [1, 2]
