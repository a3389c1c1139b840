"""What networks do with boxes inside their graph; no control flow depends on values."""

from __future__ import annotations

import torch
from torch import Tensor


def clip_boxes(xyxy: Tensor, hw: tuple[int, int] | tuple[Tensor, Tensor]) -> Tensor:
    """Move the edges of boxes that lie outside an image onto its border.

    Args:
        xyxy: (..., 4) pixels.
        hw: height and width of the image, pixels: numbers, or tensors that broadcast against
            (..., 2) where images differ.

    Returns:
        (..., 4), x within 0..width and y within 0..height; a box outside becomes an empty one.
    """
    height, width = hw
    x, y = xyxy[..., 0::2].clamp(min=0), xyxy[..., 1::2].clamp(min=0)
    x, y = x.clamp(max=width), y.clamp(max=height)
    return torch.stack((x[..., 0], y[..., 0], x[..., 1], y[..., 1]), dim=-1)


def is_large_enough(xyxy: Tensor, min_side: float) -> Tensor:
    """Mark the boxes whose width and height are both at least `min_side` pixels.

    A mask, so that a graph of fixed shape can lower the scores of the others; `xyxy[mask]` removes
    them. Faster R-CNN's code asks for 1e-3 (torchvision) or 16 (its first release).

    Args:
        xyxy: (..., 4) pixels.
        min_side: pixels.

    Returns:
        (...) bool; False where a coordinate is NaN.
    """
    return ((xyxy[..., 2:] - xyxy[..., :2]) >= min_side).all(dim=-1)
