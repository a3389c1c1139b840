"""Backbones and pyramids are torchvision's: the same names of weights, the same maps.

Runs where torchvision can be imported (`make parity`); the weights are random, with statistics that
differ from channel to channel as after training.
"""

from __future__ import annotations

import importlib.util
from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.spread_weights import randomized
from streamdet.networks.backbones import (
    ARCHITECTURES,
    backbone,
    body_weights,
    classifier,
    classifier_weights,
)
from streamdet.networks.backbones.normalization import FrozenBatchNorm2d
from streamdet.networks.fpn import BackboneWithFpn

if importlib.util.find_spec("torchvision") is None:
    pytest.skip("no torchvision here: see `make parity`", allow_module_level=True)

import torchvision
from torchvision.models import detection
from torchvision.models._utils import IntermediateLayerGetter

NAMES = [name for name in ARCHITECTURES if name != "mobilenet_v2_same"]  # TensorFlow's


def theirs(name: str, **options: Any) -> nn.Module:
    if name == "googlenet":
        options = {"aux_logits": False, "init_weights": False, **options}
    network: nn.Module = getattr(torchvision.models, name)(weights=None, **options)
    return randomized(network)


def images(hw: tuple[int, int]) -> Tensor:
    return torch.randn(2, 3, *hw, generator=torch.Generator().manual_seed(3))


def assert_same(ours: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(ours, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))


@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_classifier_loads_torchvisions_weights_and_gives_its_logits(name: str) -> None:
    reference, network = theirs(name), classifier(name).eval()
    assert set(network.state_dict()) == set(reference.state_dict())
    network.load_state_dict(reference.state_dict())
    for hw in [(224, 224), (197, 263)]:
        assert_same(network(images(hw)), reference(images(hw)))


@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_every_map_of_the_table_is_torchvisions(name: str) -> None:
    reference, table = theirs(name), ARCHITECTURES[name].maps
    layers = getattr(reference, "features", reference)
    getter = IntermediateLayerGetter(layers, {level.layer: level.name for level in table})
    network = backbone(name, maps=[level.name for level in table]).eval()
    network.load_state_dict(
        {
            key: value
            for key, value in body_weights(name, reference.state_dict()).items()
            if key.split(".")[0] in dict(network.named_children())
        }
    )
    maps = network(images((197, 263)))
    wanted = getter(images((197, 263)))
    assert [*maps] == [level.name for level in table] == [*wanted]
    for level in table:
        assert_same(maps[level.name], wanted[level.name])


@torch.inference_mode()
def test_googlenet_takes_published_weights_which_hold_auxiliary_heads() -> None:
    reference = theirs("googlenet", aux_logits=True)
    network = classifier("googlenet").eval()
    network.load_state_dict(classifier_weights("googlenet", reference.state_dict()))
    assert_same(network(images((224, 224))), reference(images((224, 224))))


def resnet50_fpn(norm: Any = nn.BatchNorm2d, fpn_norm: Any = None) -> BackboneWithFpn:
    maps = ["layer1", "layer2", "layer3", "layer4"]
    return BackboneWithFpn(backbone("resnet50", maps=maps, norm=norm), norm=fpn_norm)


def mobilenet_fpn(norm: Any = nn.BatchNorm2d) -> BackboneWithFpn:
    maps = ["features.13", "features.16"]
    return BackboneWithFpn(backbone("mobilenet_v3_large", maps=maps, norm=norm))


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("fasterrcnn_resnet50_fpn", resnet50_fpn()),
        ("fasterrcnn_resnet50_fpn_v2", resnet50_fpn(fpn_norm=nn.BatchNorm2d)),
        ("fasterrcnn_mobilenet_v3_large_fpn", mobilenet_fpn()),
        ("fasterrcnn_mobilenet_v3_large_320_fpn", mobilenet_fpn()),
    ],
)
@torch.inference_mode()
def test_pyramid_loads_a_detectors_weights_and_gives_its_levels(
    name: str, network: BackboneWithFpn
) -> None:
    detector = getattr(detection, name)(weights=None, weights_backbone=None)
    reference = randomized(detector.backbone)
    network.eval().load_state_dict(reference.state_dict(), strict=True)
    for hw in [(224, 224), (197, 263), (33, 65)]:
        levels, wanted = network(images(hw)), reference(images(hw))
        assert [*levels] == [*wanted] == [*network.strides]
        for level in levels:
            assert_same(levels[level], wanted[level])


@torch.inference_mode()
def test_frozen_norm_takes_the_weights_and_the_eps_of_torchvisions() -> None:
    frozen = torchvision.ops.FrozenBatchNorm2d(5, eps=0.0)
    reference = randomized(nn.Sequential(OrderedDict(norm=frozen)))
    network = nn.Sequential(OrderedDict(norm=FrozenBatchNorm2d(5, eps=0.0)))
    network.load_state_dict(reference.state_dict())
    features = torch.randn(2, 5, 7, 9)
    assert_same(network(features), reference(features))
