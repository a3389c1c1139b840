"""Fast R-CNN's and SPP-net's losses."""

from typing import Any

import pytest
import torch

from streamdet.errors import ConfigError
from streamdet.registry import load_network, load_objective
from streamdet.training.objectives import Objective
from streamdet.training.objectives.given_proposals import GivenRegions, RegionOptions
from tests.training.objectives.overfitting import CLASSES, HW, fitted, scene, seeded, untouched

NETWORK: dict[str, Any] = {"backbone": "alexnet", "map": "conv2", "width": 16, "proposals": 6}
OWN: dict[str, dict[str, Any]] = {
    "fast_rcnn": {"side": 3},
    "sppnet": {"levels": [1, 2, 3], "classifier": "softmax"},
}
KINDS = pytest.mark.parametrize("kind", OWN)


def made(kind: str, network_options: dict[str, Any], **options: Any) -> tuple[Any, Objective]:
    network_class, objective_class = load_network(kind), load_objective(kind)
    torch.manual_seed(0)
    network = network_class(
        network_class.Options.model_validate(NETWORK | network_options), CLASSES, HW
    )
    return network, objective_class(network, objective_class.Options.model_validate(options))


@KINDS
def test_every_parameter_is_trained_but_the_backbone_of_sppnet(kind: str) -> None:
    network, objective = made(kind, OWN[kind])
    left = untouched(network, seeded(objective, *scene()))
    assert left == ([] if kind == "fast_rcnn" else [
        f"backbone.{layer}.{part}" for layer in (0, 3) for part in ("weight", "bias")
    ])  # fmt: skip


@KINDS
def test_the_options_say_whether_the_backbone_is_trained(kind: str) -> None:
    for trains in (True, False):
        network, objective = made(kind, OWN[kind], trains_backbone=trains)
        left = untouched(network, seeded(objective, *scene()))
        assert any(name.startswith("backbone") for name in left) != trains


@KINDS
def test_a_small_network_learns_two_images_by_heart(kind: str) -> None:
    network, objective = made(kind, OWN[kind])
    images, targets = scene()
    before, after = fitted(network, lambda: objective(images, targets), 40, 1e-3)
    assert after < 0.5 * before


def test_objects_are_regions_themselves() -> None:
    choose = GivenRegions(RegionOptions(region_positive=0.999), torch.Generator())
    _, targets = scene()
    assert [40, 16, 72, 48] in choose(targets[1:], HW).xyxy[0].tolist()


def test_svms_are_not_trained_by_gradients() -> None:
    with pytest.raises(ConfigError, match="classifier must be softmax while it is trained"):
        made("sppnet", OWN["sppnet"] | {"classifier": "svm"})
