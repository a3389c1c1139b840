"""Anchors: Ren et al., Faster R-CNN, 2015, section 3.1.1; on several maps: Lin et al., FPN, 4.1.

N counts locations x anchors per location, A the anchors of one location (ratios x scales).

The values are those of torchvision's AnchorGenerator, since published weights were trained with
them. It departs from the paper's first release in two ways: corners around the location are rounded
to whole pixels, and the anchors of cell (0, 0) are centred on the pixel corner (0, 0), not in the
middle of the cell.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def cell_anchors(scales: Sequence[float], ratios: Sequence[float]) -> Tensor:
    """Make the anchors of one location, centred on (0, 0).

    Args:
        scales: square roots of the anchors' areas, pixels.
        ratios: height / width; the area does not depend on it.

    Returns:
        (A, 4) xyxy float32, whole pixels (half to even): all scales of the first ratio, then of
        the next.
    """
    sides = torch.tensor(scales, dtype=torch.float32)
    height_ratios = torch.tensor(ratios, dtype=torch.float32).sqrt()
    widths = ((1 / height_ratios)[:, None] * sides).flatten()
    heights = (height_ratios[:, None] * sides).flatten()
    return (torch.stack((-widths, -heights, widths, heights), dim=1) / 2).round()


def grid_anchors(cell_xyxy: Tensor, map_hw: tuple[int, int], stride_hw: tuple[int, int]) -> Tensor:
    """Repeat the anchors of one location at every location of a feature map.

    Args:
        cell_xyxy: (A, 4) pixels, of `cell_anchors`.
        map_hw: locations of the feature map.
        stride_hw: pixels from one location to the next.

    Returns:
        (N, 4) xyxy, pixels: row by row, in a row by column, at a location in the given order.
    """
    y, x = (
        torch.arange(count, dtype=cell_xyxy.dtype, device=cell_xyxy.device) * stride
        for count, stride in zip(map_hw, stride_hw, strict=True)
    )
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    shifts = torch.stack((grid_x, grid_y, grid_x, grid_y), dim=-1)  # (H, W, 4)
    return (shifts[:, :, None] + cell_xyxy).reshape(-1, 4)


def level_anchors(
    image_hw: tuple[int, int],
    map_hws: Sequence[tuple[int, int]],
    scales: Sequence[Sequence[float]],
    ratios: Sequence[float],
) -> list[Tensor]:
    """Make the anchors of every level of a network; a stride is image side // map side.

    Args:
        image_hw: pixels of the image that the network sees, its padding included.
        map_hws: locations of each level's map.
        scales: of each level, square roots of areas, pixels.
        ratios: height / width, the same on all levels.

    Returns:
        For each level (N, 4) xyxy float32, pixels of that image, not clipped.

    Raises:
        ValueError: not one tuple of scales for each map, or a map larger than its image.
    """
    if len(map_hws) != len(scales):
        raise ValueError(f"want scales for each of {len(map_hws)} maps, got {len(scales)}")
    levels = []
    for map_hw, level_scales in zip(map_hws, scales, strict=True):
        stride_hw = (image_hw[0] // map_hw[0], image_hw[1] // map_hw[1])
        if 0 in stride_hw:
            raise ValueError(f"a map must not be larger than its image {image_hw}, got {map_hw}")
        levels.append(grid_anchors(cell_anchors(level_scales, ratios), map_hw, stride_hw))
    return levels
