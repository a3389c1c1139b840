"""Which regions are trained, and what they lose."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from streamdet.ops.box_coding import HEAD_WEIGHTS, UNIT_WEIGHTS
from streamdet.training.region_losses import (
    Regions,
    boxes_of,
    choose_regions,
    class_loss,
    padded,
    region_losses,
)
from tests.training.objectives.overfitting import target

BOXES = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 4], [0, 0, 10, 2], [40, 40, 50, 50]])
KNOWN = target([[0, 0, 10, 10]], [1])


def rule(overlap: Tensor) -> tuple[Tensor, Tensor]:
    return overlap > 0.5, overlap < 0.3


def chosen(candidates: list[Tensor], *targets: object, size: int = 10) -> Regions:
    known: list[object] = list(targets)
    return choose_regions(candidates, known, rule, (size, 0.5), torch.Generator().manual_seed(0))  # type: ignore[arg-type]


def test_regions_are_labelled_by_their_overlap_and_those_between_are_left_out() -> None:
    regions = chosen([BOXES], KNOWN)
    # Overlaps 1, 0.4, 0.2, 0.
    assert regions.xyxy.tolist() == [BOXES[[0, 2, 3]].tolist()]
    assert regions.labels.tolist() == [[2, 0, 0]]
    assert boxes_of(regions, [KNOWN]).tolist() == [[0, 0, 10, 10]]


def test_a_region_of_an_ignored_one_is_no_background() -> None:
    crowd = target([[0, 0, 10, 10]], [1], ignored=torch.tensor([[35.0, 35, 50, 50]]))
    assert chosen([BOXES], crowd).labels.tolist() == [[2, 0]]


def test_images_with_fewer_regions_are_filled_up() -> None:
    regions = chosen([BOXES, BOXES[:1]], KNOWN, KNOWN)
    assert regions.labels.tolist() == [[2, 0, 0], [2, -1, -1]]
    assert regions.xyxy[1, 1:].tolist() == [[0] * 4] * 2


def test_there_is_always_a_row() -> None:
    assert chosen([BOXES[1:2]], KNOWN).labels.tolist() == [[-1]]
    assert padded([torch.zeros(0, 4)] * 2).shape == (2, 1, 4)


LOGITS = torch.tensor([[1.0, 2.0, 3.0]] * 2)  # background, two classes


def test_the_background_is_every_class_that_is_not_labelled() -> None:
    is_labelled = torch.tensor([[True, True], [True, False]])
    e = math.e
    losses = class_loss(LOGITS, torch.tensor([0, 0]), is_labelled)
    whole = e + e**2 + e**3
    assert losses.tolist() == pytest.approx([math.log(whole / e), math.log(whole / (e + e**3))])


def test_an_object_is_of_its_class_whatever_is_labelled() -> None:
    losses = class_loss(LOGITS, torch.tensor([1, 1]), torch.tensor([[True, True], [True, False]]))
    whole = math.e + math.e**2 + math.e**3
    assert losses.tolist() == pytest.approx([math.log(whole / math.e**2)] * 2)


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.floats(-30, 30)] * 4), min_size=1, max_size=5), st.integers(0, 3))
def test_where_all_classes_are_labelled_the_loss_is_cross_entropy(
    rows: list[tuple[float, ...]], label: int
) -> None:
    logits, labels = torch.tensor(rows).double(), torch.full((len(rows),), label)
    losses = class_loss(logits, labels, torch.ones(len(rows), 3, dtype=torch.bool))
    wanted = functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(losses, wanted)


def test_losses_are_sums_divided_by_the_number_of_regions() -> None:
    # An object 10 to the right of its region, which is 20 wide: tx = 0.5; and a background.
    regions = Regions(
        torch.tensor([[[0.0, 0, 20, 20], [60, 60, 70, 70], [0, 0, 0, 0]]]),
        torch.tensor([[1, 0, -1]]),
        torch.zeros(1, 3, dtype=torch.int64),
    )
    known = [target([[10, 0, 30, 20]], [0])]
    logits, deltas = torch.zeros(1, 3, 3), torch.zeros(1, 3, 2, 4)
    losses = region_losses(logits, deltas, regions, known, (UNIT_WEIGHTS, 1.0))
    assert losses["class"].item() == pytest.approx(math.log(3))
    assert losses["box"].item() == pytest.approx(0.5 * 0.5**2 / 2)
    losses = region_losses(logits, deltas, regions, known, (HEAD_WEIGHTS, 1.0))
    assert losses["box"].item() == pytest.approx((5 - 0.5) / 2)


def test_a_box_is_learned_by_the_deltas_of_its_class_alone() -> None:
    regions = chosen([BOXES + torch.tensor([0.0, 0, 1, 1])], KNOWN)
    deltas = torch.zeros(1, 3, 2, 4, requires_grad=True)
    losses = region_losses(torch.zeros(1, 3, 3), deltas, regions, [KNOWN], (UNIT_WEIGHTS, 1.0))
    [gradient] = torch.autograd.grad(losses["box"], deltas)
    assert gradient.flatten(0, 2).any(dim=1).tolist() == [False, True] + [False] * 4


def test_without_regions_nothing_is_lost() -> None:
    regions = chosen([BOXES[1:2]], KNOWN)
    logits = torch.zeros(1, 1, 3, requires_grad=True)
    losses = region_losses(logits, torch.zeros(1, 1, 2, 4), regions, [KNOWN], (UNIT_WEIGHTS, 1.0))
    assert losses["class"].item() == losses["box"].item() == 0
    assert not torch.autograd.grad(losses["class"], logits)[0].any()
