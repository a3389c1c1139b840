"""Boxes as deltas from reference boxes: Girshick et al., R-CNN, 2014, appendix C.

A delta is (tx, ty, tw, th); with p a reference (a proposal, an anchor) by centre and size, the box
it means has the centre p + (width, height) of p * t and the size (width, height) of p * exp(t).
`encode_boxes` and `decode_boxes` are inverses while no size grows more than 1000 / 16 times.
Both use arithmetic only: no control flow depends on values, so they export as they are.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

BoxWeights = tuple[float, float, float, float]

UNIT_WEIGHTS: Final[BoxWeights] = (1.0, 1.0, 1.0, 1.0)
"""Deltas as they are: the region proposal network's."""

HEAD_WEIGHTS: Final[BoxWeights] = (10.0, 10.0, 5.0, 5.0)
"""What the published box heads multiply (tx, ty, tw, th) by, so that they vary by about 1."""

MAX_LOG_GROWTH: Final = math.log(1000 / 16)
"""Largest log of a growth in size that is decoded: a 16 pixel anchor becomes 1000 pixels."""


def encode_boxes(xyxy: Tensor, references: Tensor, weights: BoxWeights = UNIT_WEIGHTS) -> Tensor:
    """Tell boxes as deltas from reference boxes; the inverse of `decode_boxes`.

    Args:
        xyxy: (..., 4) pixels, wider and higher than 0.
        references: (..., 4) xyxy pixels, wider and higher than 0; broadcast against `xyxy`.
        weights: what tx, ty, tw, th are multiplied by.

    Returns:
        (..., 4) deltas; infinite or NaN where a box or its reference is empty.
    """
    x, y, width, height = _centres_and_sizes(xyxy)
    x_ref, y_ref, width_ref, height_ref = _centres_and_sizes(references)
    deltas = (
        (x - x_ref) / width_ref * weights[0],
        (y - y_ref) / height_ref * weights[1],
        torch.log(width / width_ref) * weights[2],
        torch.log(height / height_ref) * weights[3],
    )
    return torch.stack(deltas, dim=-1)


def decode_boxes(deltas: Tensor, references: Tensor, weights: BoxWeights = UNIT_WEIGHTS) -> Tensor:
    """Find the boxes that deltas mean; the inverse of `encode_boxes`.

    For class-specific deltas (N, C, 4) pass references as (N, 1, 4).

    Args:
        deltas: (..., 4); tw and th are cut at `MAX_LOG_GROWTH` after the weights are undone.
        references: (..., 4) xyxy pixels; broadcast against `deltas`.
        weights: what tx, ty, tw, th were multiplied by.

    Returns:
        (..., 4) xyxy pixels, not clipped.
    """
    tx, ty, tw, th = deltas.unbind(-1)
    x_ref, y_ref, width_ref, height_ref = _centres_and_sizes(references)
    x = tx / weights[0] * width_ref + x_ref
    y = ty / weights[1] * height_ref + y_ref
    half_width = 0.5 * torch.exp((tw / weights[2]).clamp(max=MAX_LOG_GROWTH)) * width_ref
    half_height = 0.5 * torch.exp((th / weights[3]).clamp(max=MAX_LOG_GROWTH)) * height_ref
    edges = (x - half_width, y - half_height, x + half_width, y + half_height)
    return torch.stack(edges, dim=-1)


def _centres_and_sizes(xyxy: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x1, y1, x2, y2 = xyxy.unbind(-1)
    width, height = x2 - x1, y2 - y1
    return x1 + 0.5 * width, y1 + 0.5 * height, width, height
