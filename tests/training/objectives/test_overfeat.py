"""OverFeat's losses: by hand, and on a small network."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from streamdet.networks.overfeat import OverFeatNetwork, OverFeatOptions
from streamdet.training.objectives.overfeat import OverFeatObjective, OverFeatObjectiveOptions
from tests.training.objectives.overfitting import CLASSES, fitted, seeded, target, untouched

HW = (240, 272)


class Says:
    """In place of a network: two windows of 100 x 100 in an image of 100 x 200, by hand."""

    def __init__(self, logits: Tensor, sides: Tensor) -> None:
        self._maps = (logits, sides)

    def pyramid(self, image: Tensor) -> list[Tensor]:
        return [image]

    def maps(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self._maps

    def windows(self, map_hw: tuple[int, int]) -> Tensor:
        assert map_hw == (1, 2)
        return torch.tensor([[0, 0, 100, 100], [100, 0, 200, 100]])


def by_hand(known: object, logits: Tensor) -> dict[str, Tensor]:
    network: Any = Says(logits, torch.zeros(1, 4, 1, 2))
    objective = OverFeatObjective(network, OverFeatObjectiveOptions())
    return objective(torch.zeros(1, 3, 100, 200), [known])  # type: ignore[list-item]


UNDECIDED = torch.zeros(1, 1 + CLASSES, 1, 2)


def test_a_box_is_learned_as_shifts_of_its_windows_edges() -> None:
    losses = by_hand(target([[10, 0, 100, 80]], [0]), UNDECIDED)
    assert losses["box"].item() == pytest.approx(0.1**2 + 0.2**2)
    assert losses["class"].item() == pytest.approx(math.log(3))


def test_windows_have_the_class_of_their_object_or_none() -> None:
    logits = torch.full((1, 1 + CLASSES, 1, 2), -50.0)
    logits[0, 2, 0, 0] = logits[0, 0, 0, 1] = 50
    assert by_hand(target([[0, 0, 100, 100]], [1]), logits)["class"].item() == pytest.approx(0)


def test_a_window_that_holds_less_than_half_of_its_object_learns_no_box() -> None:
    # The left window overlaps by 0.37 and holds 0.46 of it, the right one by 0.45 and 0.54.
    losses = by_hand(target([[35, 0, 175, 100]], [0]), UNDECIDED)
    assert losses["box"].item() == pytest.approx(0.65**2 + 0.25**2)


def test_windows_in_ignored_regions_learn_nothing() -> None:
    whole = target([], [], ignored=torch.tensor([[0.0, 0, 200, 100]]))
    assert by_hand(whole, UNDECIDED)["class"].item() == 0
    assert by_hand(target([], []), UNDECIDED)["class"].item() == pytest.approx(math.log(3))


def made(trains: str) -> tuple[OverFeatNetwork, OverFeatObjective]:
    torch.manual_seed(0)
    network = OverFeatNetwork(OverFeatOptions(width=0.02, scales=(1.0, 1.25)), CLASSES, HW)
    return network, OverFeatObjective(
        network, OverFeatObjectiveOptions.model_validate({"trains": trains})
    )


def scene() -> tuple[Tensor, list[Any]]:
    images = 0.1 * torch.randn(2, 3, *HW, generator=torch.Generator().manual_seed(0))
    images[0, :, 20:200, 20:180] += 2
    images[1, :, 40:220, 90:260] -= 2
    return images, [target([[20, 20, 180, 200]], [0]), target([[90, 40, 260, 220]], [1])]


def test_boxes_are_trained_on_the_classifiers_features() -> None:
    network, objective = made("boxes")
    losses = seeded(objective, *scene())
    assert set(losses) == {"box"}
    left = {name.partition(".")[0] for name in untouched(network, losses)}
    assert left == {"features", "classifier"}
    network, objective = made("classes")
    losses = seeded(objective, *scene())
    assert set(losses) == {"class"}
    assert {name.partition(".")[0] for name in untouched(network, losses)} == {"regressor"}


def test_a_small_network_learns_two_images_by_heart() -> None:
    network, objective = made("both")
    images, targets = scene()
    assert untouched(network, seeded(objective, images, targets)) == []
    before, after = fitted(network, lambda: objective(images, targets), 40, 3e-3)
    assert after < 0.5 * before
