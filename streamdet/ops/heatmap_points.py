"""Points out of heatmaps: He et al., "Mask R-CNN", 2017, section 3.2 of its appendix on keypoints.

torchvision enlarges the heatmap of a region to the region's size in pixels (bicubic) and takes the
pixel of the highest value. How many pixels that are depends on the data; here the number of values
that are computed does not. First every heatmap is enlarged at up to 2 S x 2 S of the region's
pixels, which are all of them unless a side is longer; then at all pixels around the highest. The
answer differs only where another peak lies between the first pixels and is higher by less than a
heatmap bends within half a cell.

R regions, P points, S cells of a heatmap by row and by column, J pixels of an axis.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

_KEYS: Final = -0.75  # Keys, 1981, equation 4: a; the value that torch and OpenCV take
_REACH: Final = 2  # cells on either side that a bicubic value reads


class _Axis(NamedTuple):
    """One axis of the regions."""

    start: Tensor  # (R,) pixels
    length: Tensor  # (R,) pixels, at least 1
    pixels: Tensor  # (R,) float: how many pixels the heatmap is enlarged to


def heatmap_points(heatmaps: Tensor, xyxy: Tensor, most_hw: tuple[int, int]) -> Tensor:
    """Find the highest place of each heatmap in its enlarged form.

    Args:
        heatmaps: (R, P, S, S) logits.
        xyxy: (R, 4) the regions, pixels.
        most_hw: a region's longest sides, pixels.

    Returns:
        (R, P, 3): x and y, the middle of a pixel of the region, and the logit there.
    """
    side = heatmaps.shape[-1]
    padded = functional.pad(heatmaps, [_REACH] * 4, mode="replicate")
    y_axis, x_axis = (_axis(xyxy[:, first], xyxy[:, first + 2]) for first in (1, 0))
    rows, columns = (_spread(axis, 2 * side)[:, None] for axis in (y_axis, x_axis))
    row, column, _ = _highest(padded, (rows, columns), (y_axis, x_axis))
    down, across = (math.ceil(most / (2 * side)) for most in most_hw)
    rows, columns = _around(row, down, y_axis), _around(column, across, x_axis)
    row, column, logit = _highest(padded, (rows, columns), (y_axis, x_axis))
    x, y = _middle(column, x_axis), _middle(row, y_axis)
    return torch.stack((x, y, logit), dim=-1)


def _axis(start: Tensor, end: Tensor) -> _Axis:
    length = (end - start).clamp(min=1)
    return _Axis(start, length, length.ceil())


def _spread(axis: _Axis, count: int) -> Tensor:
    """So many pixels (R, J) over the axis, every one where it has no more."""
    step = (axis.pixels / count).clamp(min=1)
    pixel = ((torch.arange(count, device=step.device) + 0.5) * step[:, None]).floor()
    return torch.minimum(pixel, axis.pixels[:, None] - 1)


def _around(pixel: Tensor, reach: int, axis: _Axis) -> Tensor:
    """The pixels (R, P, J) at most `reach` away from `pixel` (R, P)."""
    near = pixel[..., None] + torch.arange(-reach, reach + 1, device=pixel.device)
    return torch.minimum(near.clamp(min=0), axis.pixels[:, None, None] - 1)


def _highest(
    padded: Tensor, pixels: tuple[Tensor, Tensor], axes: tuple[_Axis, _Axis]
) -> tuple[Tensor, Tensor, Tensor]:
    """Of the pixels (rows, columns) of a heatmap the highest: its row, its column, its value."""
    side = padded.shape[-1] - 2 * _REACH
    down, across = (
        _bicubic((pixel + 0.5) * (side / axis.pixels)[:, None, None] - 0.5, side)
        for pixel, axis in zip(pixels, axes, strict=True)
    )
    values = down @ padded @ across.transpose(-1, -2)  # (R, P, J, J)
    flat = values.flatten(2)
    best = flat.argmax(dim=2, keepdim=True)
    rows, columns = pixels
    count = columns.shape[-1]
    row, column = (
        index.expand(*best.shape[:2], -1).gather(2, place)[..., 0]
        for index, place in ((rows, best // count), (columns, best % count))
    )
    return row, column, flat.gather(2, best)[..., 0]


def _bicubic(position: Tensor, side: int) -> Tensor:
    """Weights (..., side + 2 _REACH) of the cells of a padded axis for values at `position`."""
    cells = torch.arange(-_REACH, side + _REACH, device=position.device)
    away = (position[..., None] - cells).abs()
    near = ((_KEYS + 2) * away - (_KEYS + 3)) * away * away + 1
    far = ((_KEYS * away - 5 * _KEYS) * away + 8 * _KEYS) * away - 4 * _KEYS
    return torch.where(away <= 1, near, torch.where(away < 2, far, 0.0))


def _middle(pixel: Tensor, axis: _Axis) -> Tensor:
    return (pixel + 0.5) * (axis.length / axis.pixels)[:, None] + axis.start[:, None]
