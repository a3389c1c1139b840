"""Where in the image the cells of a backbone's map look (SPP-net, appendix A)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from streamdet.networks.backbones.backbone import Backbone
from streamdet.networks.backbones.same_padding import SameConv2d
from streamdet.ops.receptive_field import Layer, receptive_field

_Window = nn.Conv2d | nn.MaxPool2d
_SHORTCUT = "downsample"


def first_centre(body: Backbone) -> float:
    """Find the pixel at which a map's first cell is centred, by column and row alike.

    Args:
        body: of one map; all windows square. The branches of a block must look at the same
            centres, as those of residual and inception blocks do.

    Returns:
        As `ReceptiveField.centre`.

    Raises:
        ValueError: the layers' strides do not make the map's, or their padding follows the
            image's size.
    """
    [feature_map] = body.maps
    field = receptive_field(map(_layer, _windows(body)))
    if field.stride != feature_map.stride:
        stride = field.stride
        raise ValueError(f"{feature_map.name} has stride {feature_map.stride}, its layers {stride}")
    return field.centre


def _layer(window: _Window) -> Layer:
    if isinstance(window, SameConv2d):
        raise ValueError("cells of SAME convolutions are centred by the image's size")
    return Layer(_side(window.kernel_size), _side(window.stride), _side(window.padding))


def _windows(module: nn.Module) -> Iterator[_Window]:
    """Walk through the layers that have a window, shortcuts of residual blocks left out."""
    for name, child in module.named_children():
        if name == _SHORTCUT:
            continue
        if isinstance(child, nn.Conv2d | nn.MaxPool2d):
            yield child
        else:
            yield from _windows(child)


def _side(sides: Any) -> int:
    [side] = {*sides} if isinstance(sides, tuple) else {sides}
    return int(side)
