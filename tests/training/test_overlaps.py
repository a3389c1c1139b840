"""Overlaps in torch are those of ops/iou.py, and their gradients are finite."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.ops import iou as reference
from streamdet.training.overlaps import covered_share, giou, iou

LEFT = torch.tensor([0.0, 0.0, 4.0, 2.0])  # area 8
RIGHT = torch.tensor([2.0, 0.0, 6.0, 4.0])  # area 16; they meet in 2 x 2


def test_overlaps_of_two_boxes() -> None:
    assert iou(LEFT, RIGHT).item() == pytest.approx(4 / 20)
    assert covered_share(LEFT, RIGHT).item() == pytest.approx(4 / 8)
    assert giou(LEFT, RIGHT).item() == pytest.approx(4 / 20 - 4 / 24)  # of 6 x 4, 4 are in none


def test_boxes_that_do_not_meet_are_told_how_far_apart_they_are() -> None:
    far = RIGHT + torch.tensor([6.0, 0, 6, 0])  # 8..12: around both 12 x 4, of which 24 are in none
    assert iou(LEFT, far).item() == 0
    assert giou(LEFT, far).item() == pytest.approx(-24 / 48)


corner, side = st.floats(-50, 50), st.floats(0.5, 60)
box = st.tuples(corner, corner, side, side).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
boxes = st.lists(box, min_size=1, max_size=5)


@settings(deadline=None)
@given(boxes, boxes)
def test_overlaps_equal_those_in_numpy(
    left: list[tuple[float, ...]], right: list[tuple[float, ...]]
) -> None:
    first, second = torch.tensor(left).double(), torch.tensor(right).double()
    found = iou(first[:, None], second)
    np.testing.assert_allclose(found, reference.pairwise_iou(first.numpy(), second.numpy()))


def test_empty_boxes_overlap_nothing_and_have_finite_gradients() -> None:
    empty = torch.zeros(4, requires_grad=True)
    assert iou(empty, torch.zeros(4)).item() == 0
    assert torch.autograd.grad(iou(empty, torch.zeros(4)), empty)[0].isfinite().all()
    assert covered_share(torch.zeros(4), LEFT).item() == 0
