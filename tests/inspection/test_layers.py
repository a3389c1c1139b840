"""Layers are found by the names that networks, papers and users have for them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from streamdet.errors import ConfigError
from streamdet.inspection.layers import feature_map, find_layer, layer_shapes
from streamdet.networks.backbones import backbone
from streamdet.networks.backbones.backbone import Backbone

IMAGE = torch.zeros(1, 3, 64, 96)


class Detector(nn.Module):
    """A backbone and a head that wants proposals."""

    def __init__(self) -> None:
        super().__init__()
        self.extra_inputs = {"proposals": (5, 4)}
        self.body = alexnet()
        self.head = nn.Linear(4, 2)

    def forward(self, image: Tensor, proposals: Tensor) -> dict[str, Tensor]:
        return {**self.body(image), "logits": self.head(proposals)}


def alexnet() -> Backbone:
    return backbone("alexnet", maps=["conv1", "conv5"])


def test_what_gives_a_map_is_listed_with_its_shape() -> None:
    shapes = layer_shapes(Detector().eval(), IMAGE)
    assert [*shapes] == [f"body.{number}" for number in range(12)]  # neither body nor head
    assert shapes["body.0"] == (64, 15, 23)  # (64 + 4 - 11) / 4 + 1, (96 + 4 - 11) / 4 + 1
    assert shapes["body.11"] == (256, 3, 5)


@pytest.mark.parametrize("asked", ["body.11", "conv5", "11"])
def test_a_layer_has_several_names(asked: str) -> None:
    network = Detector()
    assert find_layer(network, layer_shapes(network, IMAGE), asked) == "body.11"


def test_a_bare_backbone_knows_its_maps_too() -> None:
    network = alexnet()
    assert find_layer(network, layer_shapes(network, IMAGE), "conv1") == "1"


def test_an_end_that_two_layers_have_names_both() -> None:
    with pytest.raises(ConfigError, match=r"--layer conv may be a\.conv or b\.conv"):
        find_layer(nn.Identity(), ["a.conv", "b.conv"], "conv")


@pytest.mark.parametrize(
    ("asked", "hint"), [("conv6", "did you mean 'conv5'"), ("zzz", "there are 12")]
)
def test_an_unknown_layer_comes_with_the_nearest(asked: str, hint: str) -> None:
    network = Detector()
    with pytest.raises(ConfigError, match=hint):
        find_layer(network, layer_shapes(network, IMAGE), asked)


def test_a_map_is_computed_without_what_comes_after_it() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Linear(7, 7))  # the second would fail
    assert feature_map(network, "0", IMAGE).shape == (2, 62, 94)
