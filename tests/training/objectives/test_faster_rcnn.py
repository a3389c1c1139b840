"""Faster and Mask R-CNN's losses: on small networks, and the branches' by hand."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from streamdet.registry import load_network, load_objective
from streamdet.training.objectives import Objective
from streamdet.training.objectives.mask_rcnn import cells_of_points, masks_in_boxes
from streamdet.training.target import Target
from tests.training.objectives.overfitting import (
    CLASSES,
    HW,
    fitted,
    scene,
    seeded,
    target,
    total,
    untouched,
)

NETWORK: dict[str, Any] = {
    "backbone": "alexnet",
    "maps": ["conv1", "conv2"],
    "rpn": {"scales": [[16], [32], [64]]},
    "box_width": 32,
}
PAPER: dict[str, Any] = {
    "neck": "none",
    "maps": ["conv2"],
    "rpn": {"scales": [[16, 32]]},
    "pooling": "pool",
}
SMALL: dict[str, Any] = {"before_nms": 50, "after_nms": 30, "regions": 16, "anchors": 64}
FOUR = {"rpn_objectness", "rpn_box", "class", "box"}


def made(kind: str, **options: Any) -> tuple[Any, Objective]:
    network_class, objective_class = load_network(kind), load_objective(kind)
    torch.manual_seed(0)
    network = network_class(network_class.Options.model_validate(NETWORK | options), CLASSES, HW)
    return network, objective_class(network, objective_class.Options.model_validate(SMALL))


def with_shapes(known: Target) -> Target:
    """Masks that are the left halves of boxes; a point in the middle, one not seen."""
    masks = torch.zeros(len(known.xyxy), *HW, dtype=torch.bool)
    points = torch.zeros(len(known.xyxy), 2, 3)
    for row, (x1, y1, x2, y2) in enumerate(known.xyxy.int().tolist()):
        masks[row, y1:y2, x1 : (x1 + x2) // 2] = True
        points[row, 0] = torch.tensor([(x1 + x2) / 2, (y1 + y2) / 2, 2])
    return replace(known, masks=masks, keypoints=points)


@pytest.mark.parametrize("options", [{}, PAPER], ids=["pyramid", "paper"])
def test_every_parameter_of_faster_rcnn_is_trained(options: dict[str, Any]) -> None:
    network, objective = made("faster_rcnn", **options)
    losses = seeded(objective, *scene())
    assert set(losses) == FOUR
    assert untouched(network, losses) == []


def test_chance_comes_from_the_generator_alone() -> None:
    objective = made("faster_rcnn")[1]
    images, targets = scene()
    first = seeded(objective, images, targets)
    assert seeded(objective, images, targets) == first
    assert total(objective(images, targets)) != total(first)


@pytest.mark.parametrize(
    "known",
    [target([], []), target([], [], ignored=torch.tensor([[0.0, 0, 96, 64]]))],
    ids=["background", "ignored"],
)
def test_images_without_objects_are_trained_on(known: Target) -> None:
    network, objective = made("mask_rcnn", keypoints=2)
    losses = seeded(objective, torch.zeros(2, 3, *HW), [with_shapes(known)] * 2)
    assert set(losses) == FOUR | {"mask", "keypoint"}
    assert all(value.isfinite() for value in losses.values())
    assert losses["box"] == losses["rpn_box"] == losses["mask"] == losses["keypoint"] == 0
    untouched(network, losses)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_a_small_network_learns_two_images_by_heart() -> None:
    network, objective = made("faster_rcnn", **PAPER)
    images, targets = scene()
    before, after = fitted(network, lambda: objective(images, targets), 40, 1e-3)
    assert after < 0.5 * before


def test_every_parameter_of_mask_rcnn_is_trained() -> None:
    network, objective = made("mask_rcnn", keypoints=2)
    images, targets = scene()
    losses = seeded(objective, images, [with_shapes(each) for each in targets])
    assert set(losses) == FOUR | {"mask", "keypoint"}
    assert losses["mask"].item() == pytest.approx(math.log(2), abs=0.5)
    assert losses["keypoint"].item() == pytest.approx(math.log(56 * 56), abs=0.5)
    assert untouched(network, losses) == []


def test_images_without_masks_and_points_train_the_rest() -> None:
    objective = made("mask_rcnn", keypoints=2)[1]
    images, targets = scene()
    both = [with_shapes(targets[0]), targets[1]]
    losses = seeded(objective, images, both)
    assert losses["mask"] > 0
    assert losses["keypoint"] > 0
    assert seeded(objective, images, targets)["mask"] == 0


@pytest.mark.nightly
def test_a_small_network_learns_masks_and_points_by_heart() -> None:
    network, objective = made("mask_rcnn", keypoints=2)
    images, targets = scene()
    known = [with_shapes(each) for each in targets]
    before, after = fitted(network, lambda: objective(images, known), 30, 1e-4)
    assert after < 0.5 * before


def test_a_mask_is_cut_down_to_its_box() -> None:
    masks = torch.zeros(2, 8, 8, dtype=torch.bool)
    masks[1, :, 2:4] = True
    # A cell is the mean of samples at 0.5 and 1.5 of its 2 pixels, between pixels' corners: of
    # columns 0 0 1 1 0 these are 0 and 0.5, 1 and 0.5, then nothing.
    found = masks_in_boxes(masks, torch.tensor([1, 0]), torch.tensor([[0.0, 0, 8, 8]] * 2), 4)
    assert found.shape == (2, 4, 4)
    torch.testing.assert_close(found[0], torch.tensor([0.25, 0.75, 0, 0]).expand(4, 4))
    assert not found[1].any()


def points(*values: list[float]) -> Tensor:
    return torch.tensor([values])


def test_a_point_is_a_cell_of_its_boxs_heatmap() -> None:
    box = torch.tensor([[10.0, 10, 38, 66]])  # a cell is 0.5 wide and 1 high
    inside = points([10, 10, 1], [10.6, 12.9, 2], [38, 66, 2])
    assert cells_of_points(inside, box, 56).tolist() == [[0, 2 * 56 + 1, 56 * 56 - 1]]


def test_a_point_outside_its_box_or_not_known_is_no_cell() -> None:
    box = torch.tensor([[10.0, 10, 38, 66]])
    outside = points([9.9, 20, 2], [20, 66.1, 2], [20, 20, 0])
    assert cells_of_points(outside, box, 56).tolist() == [[-1, -1, -1]]
