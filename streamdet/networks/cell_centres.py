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


def first_centre(body: Backbone, hw: tuple[int, int]) -> float:
    """Find the pixel at which a map's first cell is centred, by column and row alike.

    Args:
        body: of one map; all windows square. The branches of a block must look at the same
            centres, as those of residual and inception blocks do.
        hw: height and width of the images, on which SAME padding depends.

    Returns:
        As `ReceptiveField.centre`.

    Raises:
        ValueError: the layers' strides do not make the map's, or SAME padding moves rows and
            columns of images of `hw` pixels by different amounts.
    """
    [feature_map] = body.maps
    rows, columns = (receptive_field(_layers(body, side)) for side in hw)
    if rows.stride != feature_map.stride:
        stride = rows.stride
        raise ValueError(f"{feature_map.name} has stride {feature_map.stride}, its layers {stride}")
    if rows.centre != columns.centre:
        raise ValueError(
            f"SAME convolutions centre the cells of images of {hw[0]} x {hw[1]} pixels by"
            f" {rows.centre:g} pixels by row and {columns.centre:g} by column: wanted the same, as"
            f" of sides that are multiples of {feature_map.stride}"
        )
    return rows.centre


def _layers(body: Backbone, pixels: int) -> Iterator[Layer]:
    """Give the layers along an axis of so many pixels, padded as at its beginning."""
    for window in _windows(body):
        kernel, stride = _side(window.kernel_size), _side(window.stride)
        if isinstance(window, SameConv2d):
            cells = -(-pixels // stride)
            total = max((cells - 1) * stride + kernel - pixels, 0)
            yield Layer(kernel, stride, total // 2)
        else:
            yield (layer := Layer(kernel, stride, _side(window.padding)))
            cells = layer.responses(pixels)
        pixels = cells


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
