"""A localizer's losses: by hand, and on a small network."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from streamdet.networks.localizer import Localizer, LocalizerOptions
from streamdet.training.objectives.localizer import (
    LocalizerObjective,
    LocalizerObjectiveOptions,
    largest_objects,
)
from tests.training.objectives.overfitting import (
    CLASSES,
    HW,
    fitted,
    scene,
    target,
    total,
    untouched,
)


def made(trains: str = "both", **options: Any) -> tuple[Localizer, LocalizerObjective]:
    torch.manual_seed(0)
    own = {"backbone": "alexnet", "map": "conv2", "widths": [64], **options}
    network = Localizer(LocalizerOptions.model_validate(own), CLASSES, HW)
    return network, LocalizerObjective(
        network, LocalizerObjectiveOptions.model_validate({"trains": trains})
    )


def says(network: Localizer, logits: list[float], deltas: list[float]) -> None:
    """Let the heads give the same for every image."""
    for head, values in ((network.class_head, logits), (network.box_head, deltas)):
        nn.init.zeros_(head.weight)
        head.bias.data = torch.tensor(values)


def test_the_object_of_an_image_is_its_largest() -> None:
    known = target([[0, 0, 5, 5], [0, 0, 6, 6]], [0, 1], keypoints=torch.ones(2, 1, 3))
    found = largest_objects([known, target([], [])])
    assert found.xyxy.tolist() == [[0, 0, 6, 6], [0] * 4]
    assert found.labels.tolist() == [2, 0]
    assert found.points[:, :, 2].tolist() == [[1], [0]]


HALF = target([[0, 0, 48, 64]], [1])  # the left half of the image: tx = -0.25, tw = log(0.5)


def test_losses_are_means_over_images_with_an_object() -> None:
    network, objective = made()
    says(network, [0.0, 0.0], [9.0, 9, 9, 9, 0, 0, 0, 0])
    losses = objective(torch.zeros(2, 3, *HW), [HALF, target([], [])])
    assert losses["class"].item() == pytest.approx(math.log(2))
    assert losses["box"].item() == pytest.approx(0.25**2 + math.log(2) ** 2)


def test_images_without_an_object_teach_the_background() -> None:
    network, objective = made(has_background=True, boxes="shared")
    says(network, [math.log(2), 0.0, 0.0], [0.0] * 4)
    losses = objective(torch.zeros(2, 3, *HW), [HALF, target([], [])])
    assert losses["class"].item() == pytest.approx((math.log(4) + math.log(2)) / 2)
    assert losses["box"].item() == pytest.approx(0.25**2 + math.log(2) ** 2)


def test_points_are_learned_where_they_are_known() -> None:
    network, objective = made(keypoints=2)
    assert network.point_head is not None
    nn.init.zeros_(network.point_head.weight)
    nn.init.zeros_(network.point_head.bias)
    points = torch.tensor([[[72.0, 48, 2], [0, 0, 0]]])  # a quarter of the image from its middle
    images: Tensor = torch.zeros(2, 3, *HW)
    losses = objective(images, [replace(HALF, keypoints=points), HALF])
    assert losses["point"].item() == pytest.approx(2 * 0.25**2)
    assert objective(images, [HALF, HALF])["point"].item() == 0


def test_images_without_objects_lose_nothing() -> None:
    objective = made(keypoints=2)[1]
    losses = objective(torch.zeros(2, 3, *HW), [target([], [])] * 2)
    assert [value.item() for value in losses.values()] == [0, 0, 0]
    total(losses).backward()  # type: ignore[no-untyped-call]


def test_boxes_are_trained_on_what_the_classifier_computes() -> None:
    network, objective = made("boxes", keypoints=2)
    images, targets = scene()
    known = [replace(each, keypoints=torch.ones(len(each.xyxy), 2, 3)) for each in targets]
    losses = objective(images, known)
    assert set(losses) == {"box", "point"}
    left = {name.partition(".")[0] for name in untouched(network, losses)}
    assert left == {"backbone", "layers", "class_head"}
    assert not network.training
    _, objective = made("classes")
    assert set(objective(images, targets)) == {"class"}


def test_a_small_network_learns_two_images_by_heart() -> None:
    network, objective = made()
    images, targets = scene()
    known = [replace(targets[0], class_ids=torch.tensor([1, 0])), targets[1]]
    assert untouched(network, objective(images, known)) == []
    before, after = fitted(network, lambda: objective(images, known), 40, 1e-3)
    assert after < 0.5 * before
