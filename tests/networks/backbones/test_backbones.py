"""Backbones by name: what the table promises is what the layers give."""

from functools import partial

import pytest
import torch
from torch import nn

from streamdet.networks.backbones import (
    ARCHITECTURES,
    backbone,
    body_weights,
    classifier,
    classifier_weights,
)
from streamdet.networks.backbones.normalization import FrozenBatchNorm2d

LIGHT = ["resnet18", "mobilenet_v3_small"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_maps_have_the_strides_and_channels_of_the_table(name: str) -> None:
    table = ARCHITECTURES[name].maps
    with torch.device("meta"):  # shapes without arithmetic
        network = backbone(name, maps=[level.name for level in table]).eval()
        maps = network(torch.zeros(1, 3, 256, 192))
    shapes = {level: tuple(values.shape) for level, values in maps.items()}
    # Layers without padding lose a cell or two at the border: 256 / 16 is 15 for AlexNet's conv5.
    for level in table:
        assert shapes[level.name][1] == level.channels
        assert shapes[level.name][2] == pytest.approx(256 / level.stride, abs=2)
        assert shapes[level.name][3] == pytest.approx(192 / level.stride, abs=2)


@pytest.mark.parametrize("name", LIGHT)
def test_classifier_gives_a_logit_per_class(name: str) -> None:
    network = classifier(name, num_classes=7).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 7)


@pytest.mark.parametrize("name", LIGHT)
def test_backbone_takes_its_part_of_a_classifiers_weights(name: str) -> None:
    weights = classifier(name).state_dict()
    network = backbone(name)
    network.load_state_dict(body_weights(name, weights))
    first = next(iter(network.state_dict()))
    torch.testing.assert_close(
        network.state_dict()[first], weights[f"{ARCHITECTURES[name].folder}.{first}".lstrip(".")]
    )


def test_backbone_ends_at_the_last_map_that_is_read() -> None:
    network = backbone("resnet18", maps=["layer1", "layer2"])
    assert [name for name, _ in network.named_children()][-1] == "layer2"
    assert [level.stride for level in network.maps] == [4, 8]


def test_weights_that_no_layer_of_the_classifier_has_are_kept_for_the_loader_to_refuse() -> None:
    weights = {"fc.weight": torch.zeros(1), "layer5.bias": torch.zeros(1)}
    assert [*body_weights("resnet18", weights)] == ["layer5.bias"]


def test_only_the_named_training_parts_of_googlenet_are_left_out() -> None:
    weights = {key: torch.zeros(1) for key in ("conv1.conv.weight", "aux1.fc1.bias", "aux3.bias")}
    assert [*classifier_weights("googlenet", weights)] == ["conv1.conv.weight", "aux3.bias"]


def test_frozen_norm_scales_and_shifts_by_fixed_statistics() -> None:
    norm = FrozenBatchNorm2d(1, eps=0.0)
    values = {"weight": 6.0, "bias": 1.0, "running_mean": 2.0, "running_var": 9.0}
    norm.load_state_dict({name: torch.tensor([value]) for name, value in values.items()})
    # (5 - 2) / sqrt(9) * 6 + 1 = 7, in training too
    assert norm.train()(torch.full((1, 1, 1, 1), 5.0)).item() == pytest.approx(7.0)
    assert not [*norm.parameters()]


def test_frozen_norm_takes_the_weights_of_a_batch_norm() -> None:
    trained = nn.BatchNorm2d(2).eval()
    trained.running_var = torch.tensor([4.0, 0.25])
    norm = FrozenBatchNorm2d(2)
    norm.load_state_dict(trained.state_dict(), strict=True)
    features = torch.randn(1, 2, 3, 3)
    torch.testing.assert_close(norm(features), trained(features))


def test_norm_is_chosen_by_the_caller() -> None:
    network = backbone("mobilenet_v3_small", norm=partial(FrozenBatchNorm2d, eps=0.0))
    norms = [layer for layer in network.modules() if isinstance(layer, FrozenBatchNorm2d)]
    assert {norm.eps for norm in norms} == {0.0}
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


def test_a_norm_for_a_network_without_any_is_refused() -> None:
    with pytest.raises(ValueError, match="alexnet has no norm layers"):
        backbone("alexnet", norm=FrozenBatchNorm2d)


def test_unknown_names_are_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"name must be one of .*resnet18.*got 'resnet19'"):
        backbone("resnet19")
    with pytest.raises(ValueError, match=r"resnet18 has the maps layer1, .*got 'conv5'"):
        backbone("resnet18", maps=["conv5"])
    with pytest.raises(ValueError, match="in their order"):
        backbone("resnet18", maps=["layer2", "layer1"])
