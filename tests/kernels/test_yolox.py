"""YoloxTop decodes the candidates that detectors/yolox.py decodes, in its order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.detectors.parts.corners import corners
from streamdet.detectors.parts.grid import cell_grid
from streamdet.detectors.yolox import decode_boxes
from streamdet.kernels.nms import Candidates
from streamdet.kernels.yolox import YoloxTop, workspace_bytes
from tests.kernels.conftest import BOTH_ORDERS, Device
from tests.kernels.on_device import OnDevice
from tests.kernels.operations import Array, Boxes

pytestmark = BOTH_ORDERS

HW = (64, 96)  # 8 x 12, 4 x 6 and 2 x 3 cells
CELLS = 126


def by_kernel(on: OnDevice, output: Array, is_wanted: Array, op: YoloxTop, most: int) -> Boxes:
    images = len(output)
    top = Candidates(
        on.empty((images, most, 4), np.float32),
        on.empty((images, most), np.float32),
        on.empty((images, most), np.int64),
    )
    workspace = on.reserve(workspace_bytes(images, output.shape[1]))
    on.run(op.launches(on.put(output), on.put(is_wanted), workspace, top))
    return Boxes(on.get(top.xyxy), on.get(top.scores), on.get(top.class_ids))


def by_reference(output: Array, is_wanted: Array, op: YoloxTop, most: int) -> Boxes:
    """As Yolox._decode and Selection.candidates, filled up with -1."""
    cells, strides = cell_grid(op.input_hw, (8, 16, 32))
    found = Boxes(
        np.zeros((len(output), most, 4), np.float32),
        np.full((len(output), most), -1, np.float32),
        np.zeros((len(output), most), np.int64),
    )
    for image, numbers in enumerate(output.astype(np.float32)):
        class_ids = numbers[:, 5:].argmax(axis=1)
        scores = numbers[:, 4] * numbers[np.arange(len(numbers)), 5 + class_ids]
        is_candidate = (numbers[:, 4] >= op.score_thresh) & (scores >= op.score_thresh)
        rows = np.flatnonzero(is_candidate & is_wanted[class_ids].astype(bool))
        rows = rows[np.argsort(-scores[rows], kind="stable")][:most]
        raw = numbers[rows, :4]
        xyxy = (
            decode_boxes(raw, cells[rows], strides[rows])
            if op.are_deltas
            else corners(raw[:, :2], raw[:, 2:])
        )
        is_finite = np.isfinite(xyxy).all(axis=1)
        found.xyxy[image, : len(rows)] = xyxy
        found.scores[image, : len(rows)] = np.where(is_finite, scores[rows], -1)
        found.class_ids[image, : len(rows)] = class_ids[rows]
    return found


def drawn(seed: int, classes: int, dtype: type, cells: int = CELLS) -> Array:
    """What a network may give, ties and NaN included."""
    rng = np.random.default_rng(seed)
    output = rng.normal(0, 1, (2, cells, 5 + classes))
    output[..., 4:] = rng.integers(0, 9, (2, cells, 1 + classes)) / 8
    output[rng.random(output.shape) < 0.002] = np.nan
    output[0, 3, 2:6] = 1000, 0, 1, 1  # a candidate whose exp overflows
    return output.astype(dtype)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([1, 3, 80]),
    st.sampled_from([0.0, 0.25, 0.9]),
    st.booleans(),
    st.sampled_from([np.float32, np.float16]),
)
def test_the_kernel_decodes_what_the_detector_decodes(
    device: Device, seed: int, classes: int, score_thresh: float, are_deltas: bool, dtype: type
) -> None:
    output = drawn(seed, classes, dtype)
    is_wanted = (np.arange(classes) != 1).astype(np.uint8)
    op, most = YoloxTop(HW, score_thresh, are_deltas), seed % 150
    found = by_kernel(device("yolox"), output, is_wanted, op, most)
    wanted = by_reference(output, is_wanted, op, most)
    np.testing.assert_array_equal(found.scores, wanted.scores)
    np.testing.assert_array_equal(found.class_ids, wanted.class_ids)
    np.testing.assert_allclose(found.xyxy, wanted.xyxy, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("cell", "xyxy"),
    [
        (0, [-4, -4, 4, 4]),  # stride 8, column 0, row 0
        (13, [4, 4, 12, 12]),  # stride 8, column 1, row 1
        (96 + 7, [8, 8, 24, 24]),  # stride 16, column 1, row 1
        (125, [48, 16, 80, 48]),  # stride 32, column 2, row 1
    ],
)
def test_a_box_lies_at_its_cell(device: Device, cell: int, xyxy: list[float]) -> None:
    output = np.zeros((1, CELLS, 6), np.float32)
    output[0, cell, 4:] = 1
    found = by_kernel(device("yolox"), output, np.ones(1, np.uint8), YoloxTop(HW, 0.5), 2)
    assert found.scores.tolist() == [[1, -1]]
    assert found.xyxy[0].tolist() == [xyxy, [0, 0, 0, 0]]
