"""The RPN's losses: by hand, and on a small network."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from streamdet.networks.region_proposals import AnchorPredictions
from streamdet.networks.rpn import Rpn, RpnOptions
from streamdet.training.objectives.region_proposals import (
    AnchorOptions,
    RpnObjective,
    anchor_losses,
    assign_anchors,
)
from streamdet.training.target import Target
from tests.training.objectives.overfitting import HW, fitted, scene, seeded, target, untouched

IMAGE = (100, 100)
ANCHORS = torch.tensor(
    [
        [0.0, 0, 20, 20],  # 0.75 of the first object
        [0, 0, 10, 20],  # 0.67 of it: neither
        [0, 0, 20, 5],  # 0.23 of it: negative
        [70, 70, 90, 90],  # 0.25 of the second, its best
        [-5, 40, 5, 50],  # none, across the border
    ]
)
OBJECTS = target([[0, 0, 15, 20], [70, 70, 80, 80]], [0, 1])


def assigned(
    known: Target, places: Tensor = ANCHORS, **options: object
) -> tuple[list[bool], list[bool]]:
    generator = torch.Generator().manual_seed(0)
    found = assign_anchors(places, known, IMAGE, AnchorOptions.model_validate(options), generator)
    return found.is_positive.tolist(), found.is_negative.tolist()


def test_an_anchor_is_positive_from_0_7_or_where_it_is_the_best() -> None:
    assert assigned(OBJECTS)[0] == [True, False, False, True, False]


def test_an_anchor_is_negative_below_0_3_and_neither_between() -> None:
    assert assigned(OBJECTS)[1] == [False, False, True, False, True]


def test_an_anchor_in_an_ignored_region_is_no_negative() -> None:
    crowd = replace(OBJECTS, ignored=torch.tensor([[0.0, 0, 20, 8]]))
    assert assigned(crowd)[1] == [False, False, False, False, True]


def test_where_a_class_is_not_labelled_no_anchor_is_negative() -> None:
    partial = replace(OBJECTS, is_labelled=torch.tensor([True, False]))
    assert assigned(partial)[1] == [False] * 5


def test_anchors_across_the_border_can_be_left_out_as_in_the_paper() -> None:
    near = target([[-5, 40, 5, 50]], [0])
    assert assigned(near)[0] == [False, False, False, False, True]
    positive, negative = assigned(near, has_crossing_anchors=False)
    assert positive == [False] * 5
    assert negative == [True] * 4 + [False]


def test_half_of_the_anchors_that_are_trained_may_be_positive() -> None:
    positive, negative = assigned(OBJECTS, ANCHORS.repeat(5, 1), anchors=6)
    assert (sum(positive), sum(negative)) == (3, 3)


def test_losses_are_sums_divided_by_the_number_of_anchors() -> None:
    predictions = AnchorPredictions(
        ANCHORS, torch.zeros(1, 5), torch.zeros(1, 5, 4, requires_grad=True)
    )
    generator = torch.Generator().manual_seed(0)
    losses = anchor_losses(predictions, [OBJECTS], IMAGE, AnchorOptions(), generator)
    assert losses["rpn_objectness"].item() == pytest.approx(math.log(2))
    # Of the first object: tx = -2.5 / 20, tw = log(0.75); of the second tx = ty = -0.25 and
    # tw = th = log(0.5); linear from 1 / 9, four anchors are trained.
    first = 0.125 + -math.log(0.75) - 2 / 18
    second = 2 * 0.25 + 2 * math.log(2) - 4 / 18
    assert losses["rpn_box"].item() == pytest.approx((first + second) / 4)
    [gradient] = torch.autograd.grad(losses["rpn_box"], predictions.deltas)
    assert gradient[0].any(dim=1).tolist() == [True, False, False, True, False]


def test_a_small_network_learns_two_images_by_heart() -> None:
    torch.manual_seed(0)
    options = RpnOptions(backbone="alexnet", maps=("conv2",), neck="none", scales=((16, 32),))
    network = Rpn(options, 1, HW)
    objective = RpnObjective(network, AnchorOptions())
    images, both = scene(is_labelled=torch.ones(1, dtype=torch.bool))
    targets = [replace(each, class_ids=torch.zeros_like(each.class_ids)) for each in both]
    assert untouched(network, seeded(objective, images, targets)) == []
    before, after = fitted(network, lambda: objective(images, targets), 20, 1e-3)
    assert after < 0.2 * before
