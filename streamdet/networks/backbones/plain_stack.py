"""The windows that the layers of a plain stack of convolutions move over their input."""

from __future__ import annotations

from torch import nn

from streamdet.networks.backbones.backbone import Backbone
from streamdet.ops.receptive_field import Layer

_POINTWISE = (nn.ReLU, nn.Identity, nn.BatchNorm2d)


def windows(network: Backbone, map_name: str) -> list[Layer]:
    """List the convolutions and poolings that make the receptive fields of a map.

    Args:
        network: AlexNet, VGG or the like: no branches.
        map_name: one of the maps that the backbone gives.

    Returns:
        For `ops.receptive_field`, from the image to the map.

    Raises:
        ValueError: the backbone has no such map, or branches before it.
    """
    ends = {feature_map.name: feature_map.layer for feature_map in network.maps}
    if map_name not in ends:
        raise ValueError(f"map_name must be one of {', '.join(ends)}, got {map_name!r}")
    found = []
    for name, layer in network.named_children():
        if isinstance(layer, nn.Conv2d):
            found.append(Layer(layer.kernel_size[0], layer.stride[0], int(layer.padding[0])))
        elif isinstance(layer, nn.MaxPool2d):
            assert isinstance(layer.kernel_size, int)
            assert isinstance(layer.stride, int)
            assert isinstance(layer.padding, int)
            found.append(Layer(layer.kernel_size, layer.stride, layer.padding))
        elif not isinstance(layer, _POINTWISE):
            raise ValueError(f"{name} ({type(layer).__name__}) is no plain convolution or pooling")
        if name == ends[map_name]:
            break
    return found
