"""Overlap of boxes as torch tensors: differentiable, on any device. For workers: ops/iou.py."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

_SMALLEST_AREA: Final = 1e-6  # square pixels; keeps gradients of empty boxes finite


def iou(xyxy: Tensor, other: Tensor) -> Tensor:
    """Overlap of boxes: area of the intersection / area of the union.

    Args:
        xyxy: (..., 4) pixels.
        other: (..., 4) pixels, broadcast against `xyxy`: (N, 1, 4) and (M, 4) give (N, M).

    Returns:
        (...), 0..1; 0 where both boxes are empty.
    """
    intersection = _intersection(xyxy, other)
    union = _area(xyxy) + _area(other) - intersection
    return intersection / union.clamp(min=_SMALLEST_AREA)


def giou(xyxy: Tensor, other: Tensor) -> Tensor:
    """Generalized overlap: Rezatofighi et al., "Generalized Intersection over Union", 2019.

    Args:
        xyxy: (..., 4) pixels.
        other: (..., 4) pixels, broadcast against `xyxy`.

    Returns:
        (...), -1..1: the overlap, less the share of the smallest box around both that is in none.
    """
    intersection = _intersection(xyxy, other)
    union = _area(xyxy) + _area(other) - intersection
    low, high = torch.minimum(xyxy, other), torch.maximum(xyxy, other)
    around = _area(torch.cat((low[..., :2], high[..., 2:]), dim=-1))
    overlap = intersection / union.clamp(min=_SMALLEST_AREA)
    return overlap - (around - union) / around.clamp(min=_SMALLEST_AREA)


def covered_share(xyxy: Tensor, other: Tensor) -> Tensor:
    """Share of each box that another covers: area of the intersection / area of `xyxy`.

    Args:
        xyxy: (..., 4) pixels.
        other: (..., 4) pixels, broadcast against `xyxy`.

    Returns:
        (...), 0..1; 0 where a box is empty.
    """
    return _intersection(xyxy, other) / _area(xyxy).clamp(min=_SMALLEST_AREA)


def _intersection(xyxy: Tensor, other: Tensor) -> Tensor:
    x1, y1, x2, y2 = xyxy.unbind(-1)
    other_x1, other_y1, other_x2, other_y2 = other.unbind(-1)
    width = torch.minimum(x2, other_x2) - torch.maximum(x1, other_x1)
    height = torch.minimum(y2, other_y2) - torch.maximum(y1, other_y1)
    return width.clamp(min=0) * height.clamp(min=0)


def _area(xyxy: Tensor) -> Tensor:
    x1, y1, x2, y2 = xyxy.unbind(-1)
    return (x2 - x1).clamp(min=0) * (y2 - y1).clamp(min=0)
