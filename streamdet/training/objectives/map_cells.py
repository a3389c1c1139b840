"""The cells of a network's output maps, as boxes; N counts those of all maps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from streamdet.ops.anchors import grid_anchors


def map_cells(hw: tuple[int, int], strides: Sequence[int], device: torch.device) -> Tensor:
    """List the cells of all maps as boxes (N, 4) xyxy, pixels: fine to coarse, row by row.

    Args:
        hw: height and width of the image, pixels; a map has ceil(side / stride) cells a side.
        strides: of the maps.
        device: gets them.
    """
    levels = [
        grid_anchors(
            torch.tensor([[0.0, 0.0, stride, stride]], device=device),
            (-(-hw[0] // stride), -(-hw[1] // stride)),
            (stride, stride),
        )
        for stride in strides
    ]
    return torch.cat(levels)


def is_centre_in(cells: Tensor, regions: Tensor) -> Tensor:
    """Mark the cells (N, 4) whose centre lies in one of the regions (M, 4): (N,) bool."""
    centres = ((cells[:, :2] + cells[:, 2:]) / 2)[:, None]
    return ((centres > regions[:, :2]) & (centres < regions[:, 2:])).all(dim=2).any(dim=1)
