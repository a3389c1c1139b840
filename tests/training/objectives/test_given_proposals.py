"""Fast R-CNN's and SPP-net's losses."""

from pathlib import Path
from typing import Any

import pytest
import torch

from streamdet.building.build import build
from streamdet.errors import ConfigError
from streamdet.registry import load_network, load_objective
from streamdet.training.objectives import Objective
from streamdet.training.objectives.given_proposals import GivenRegions, RegionOptions
from tests.networks.region_networks import write_model
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
    images, targets = scene()
    assert [40, 16, 72, 48] in choose(targets[1:], images[1:]).xyxy[0].tolist()


def test_svms_are_not_trained_by_gradients() -> None:
    with pytest.raises(ConfigError, match="classifier must be softmax while it is trained"):
        made("sppnet", OWN["sppnet"] | {"classifier": "svm"})


def test_proposals_of_a_network_are_regions_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    build(str(path := write_model("rpn", tmp_path)), tmp_path, seed=0)
    images, targets = scene()
    given = {"around": 1, "anywhere": 1, "regions": 100, "region_negative": (0.0, 0.5)}
    counts = []
    for name in (None, str(path)):
        choose = GivenRegions(RegionOptions(proposals_from=name, **given), torch.Generator())
        counts.append(int((choose(targets, images).labels >= 0).sum()))
    assert counts[1] > counts[0] + 5  # ten of each image, but for those between the overlaps


@KINDS
def test_maps_of_a_frozen_backbone_are_kept(kind: str, tmp_path: Path) -> None:
    images, targets = scene()
    losses = []
    for cache in (None, tmp_path, tmp_path):
        network, objective = made(kind, OWN[kind], cache=cache, trains_backbone=False)
        network.backbone.requires_grad_(False)
        losses.append(seeded(objective, images, targets))
    assert len(list(tmp_path.iterdir())) == len(images)
    assert losses[1] == losses[2]
    for name, value in losses[0].items():
        torch.testing.assert_close(losses[1][name], value, rtol=1e-2, atol=1e-4)


def test_maps_of_a_backbone_that_learns_are_not_kept(tmp_path: Path) -> None:
    _, objective = made("fast_rcnn", OWN["fast_rcnn"], cache=tmp_path)
    with pytest.raises(ConfigError, match=r"optimiser\.frozen must name 'backbone"):
        objective(*scene())
