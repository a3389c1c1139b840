"""Spatial pyramid pooling: He et al., SPP-net, 2014, sections 2.2 and 4.1, appendix A.

B C H W are the axes of a feature map, K counts regions, M the bins of all levels: levels of 4, 2
and 1 bins a side have M = 16 + 4 + 1 = 21. The number of values does not depend on the map's size.

Bin i of n over s cells is [floor(i s / n), ceil((i + 1) s / n)): the paper's appendix A. Its
section 2.3 slides windows of ceil(s / n) at strides of floor(s / n) instead: the same bins at the
training size of 13 x 13, but at other sizes those leave cells at the end out, or are too many.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def spatial_pyramid(features: Tensor, levels: Sequence[int]) -> Tensor:
    """Take the maxima of whole feature maps in the bins of each level.

    The bins are known from shapes alone, so this exports as slices and maxima.

    Args:
        features: (B, C, H, W), any H and W from 1.
        levels: bins a side of each level, e.g. (4, 2, 1).

    Returns:
        (B, M * C): level by level the bins row by row, of each bin all channels.
    """
    height, width = features.shape[2:]
    pooled = [
        features[:, :, top:bottom, left:right].amax(dim=(2, 3))
        for bins in levels
        for top, bottom in _edges(height, bins)
        for left, right in _edges(width, bins)
    ]
    return torch.cat(pooled, dim=1)


def project_rois(
    rois: Tensor, map_hw: Sequence[int], *, stride: int, centre: float = 0.0
) -> Tensor:
    """Project regions of the image onto cells: ops.receptive_field.project_box for many.

    Args:
        rois: (K, 5): index of the image in the batch, then xyxy in pixels, finite.
        map_hw: cells of the feature map.
        stride: pixels from one cell to the next.
        centre: pixel at which cell 0 is centred.

    Returns:
        (K, 5) int64: index of the image, then xyxy in cells, x2 and y2 exclusive, at least one
        cell of the map.
    """
    begin, end = rois[:, 1:3] - centre, rois[:, 3:] - 1 - centre
    first = (begin / stride).floor() + 1
    last = (end / stride).ceil() - 1
    nearest = ((begin + end) / 2 / stride + 0.5).floor()
    is_between = last < first
    final = rois.new_tensor([map_hw[1] - 1, map_hw[0] - 1])
    first = torch.minimum(torch.where(is_between, nearest, first).clamp(min=0), final)
    last = torch.maximum(torch.minimum(torch.where(is_between, nearest, last), final), first)
    return torch.cat((rois[:, :1], first, last + 1), dim=1).long()


def _edges(cells: int, bins: int) -> list[tuple[int, int]]:
    return [(cells * i // bins, -(-cells * (i + 1) // bins)) for i in range(bins)]
