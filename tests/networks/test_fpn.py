"""The pyramid keeps sizes, merges from the top down, and is named as torchvision's is."""

import pytest
import torch
from torch import Tensor, nn

from streamdet.networks.backbones import backbone
from streamdet.networks.fpn import BackboneWithFpn, FeaturePyramid


def copying_pyramid(levels: int) -> FeaturePyramid:
    """One channel a level; every convolution gives what it gets."""
    pyramid = FeaturePyramid([1] * levels, out_channels=1)
    for name, weight in pyramid.named_parameters():
        nn.init.zeros_(weight)
        if name.endswith("weight"):
            weight.data[..., weight.shape[2] // 2, weight.shape[3] // 2] = 1
    return pyramid


def test_coarse_maps_are_enlarged_and_added_to_finer_ones() -> None:
    fine, coarse = torch.zeros(1, 1, 2, 4), torch.tensor([[[[10.0, 20.0]]]])
    levels = copying_pyramid(2)([fine, coarse])
    assert levels[0][0, 0].tolist() == [[10, 10, 20, 20], [10, 10, 20, 20]]
    assert levels[1][0, 0].tolist() == [[10, 20]]


def test_a_coarse_map_is_fitted_to_an_odd_finer_one() -> None:
    fine, coarse = torch.zeros(1, 1, 1, 3), torch.tensor([[[[10.0, 20.0]]]])
    # nearest, as torch has it: column i reads floor(i * 2 / 3)
    assert copying_pyramid(2)([fine, coarse])[0].flatten().tolist() == [10, 10, 20]


def test_meaning_comes_down_from_the_top_through_every_level() -> None:
    maps: list[Tensor] = [torch.full((1, 1, n, n), value) for n, value in ((4, 1.0), (2, 10.0))]
    levels = copying_pyramid(3)([*maps, torch.full((1, 1, 1, 1), 100.0)])
    assert [level.unique().item() for level in levels] == [111, 110, 100]


def test_a_wrong_number_of_maps_is_refused() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        copying_pyramid(2)([torch.zeros(1, 1, 2, 2)])


def test_backbone_with_fpn_gives_every_level_and_its_stride() -> None:
    body = backbone("resnet18", maps=["layer2", "layer3", "layer4"])
    network = BackboneWithFpn(body, out_channels=16).eval()
    with torch.inference_mode():
        levels = network(torch.zeros(1, 3, 64, 96))
    assert network.strides == {"0": 8, "1": 16, "2": 32, "pool": 64}
    assert [*levels] == [*network.strides]
    for name, stride in network.strides.items():
        assert levels[name].shape == (1, 16, 64 // stride, -(-96 // stride))


def test_pyramid_has_a_bias_or_a_norm() -> None:
    plain, normed = FeaturePyramid([3], 4), FeaturePyramid([3], 4, norm=nn.BatchNorm2d)
    assert {"inner_blocks.0.0.weight", "inner_blocks.0.0.bias"} <= set(plain.state_dict())
    assert {"layer_blocks.0.0.weight", "layer_blocks.0.1.weight"} <= set(normed.state_dict())
    assert "inner_blocks.0.0.bias" not in normed.state_dict()
