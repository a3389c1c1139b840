"""The windows of a plain stack are those of its paper."""

import pytest
import torch

from streamdet.networks.backbones import backbone
from streamdet.networks.backbones.backbone import Backbone
from streamdet.networks.backbones.plain_stack import windows
from streamdet.ops.receptive_field import Layer, ReceptiveField, receptive_field


def shapes_only(name: str, maps: list[str]) -> Backbone:
    with torch.device("meta"):
        return backbone(name, maps=maps)


def test_windows_of_alexnets_conv5() -> None:
    conv1, pool, conv2, conv3 = Layer(11, 4, 2), Layer(3, 2), Layer(5, 1, 2), Layer(3, 1, 1)
    network = shapes_only("alexnet", ["conv2", "conv5"])
    assert windows(network, "conv2") == [conv1, pool, conv2]
    assert windows(network, "conv5") == [conv1, pool, conv2, pool, conv3, conv3, conv3]


def test_windows_of_vgg16_reach_196_pixels_at_conv5_3() -> None:
    field = receptive_field(windows(shapes_only("vgg16", ["conv5_3"]), "conv5_3"))
    # Blocks and the pooling after them: 1 + (2 * 2 + 1) * 1 + (2 * 2 + 1) * 2 + (3 * 2 + 1) * 4
    # + (3 * 2 + 1) * 8 + 3 * 2 * 16; each of the four poolings moves the centre half a step.
    assert field == ReceptiveField(size=196, stride=16, centre=0.5 * (1 + 2 + 4 + 8))


def test_a_network_with_branches_has_no_such_list() -> None:
    with pytest.raises(ValueError, match=r"layer1 \(Sequential\) is no plain convolution"):
        windows(shapes_only("resnet18", ["layer1"]), "layer1")


def test_a_map_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="map_name must be one of conv5, got 'conv4'"):
        windows(shapes_only("alexnet", ["conv5"]), "conv4")
