"""Regions drawn by chance, to train on where nothing proposes any."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from streamdet.ops.boxes import clip_boxes, is_large_enough

_MIN_SIDE: Final = 4.0  # pixels
_SHIFT: Final = 0.4  # standard deviation of a centre, in sides of the object
_STRETCH: Final = 0.4  # standard deviation of the log of a side


def drawn_boxes(
    xyxy: Tensor, hw: tuple[int, int], counts: tuple[int, int], generator: torch.Generator
) -> Tensor:
    """Draw boxes around objects and all over an image.

    Args:
        xyxy: (N, 4) objects, pixels.
        hw: height and width of the image, pixels.
        counts: boxes around each object, boxes all over.
        generator: draws, on the CPU.

    Returns:
        (A, 4) xyxy pixels, within the image, those too small for it left out.
    """
    around, anywhere = counts
    boxes = torch.cat((_moved(xyxy.cpu(), around, generator), _all_over(hw, anywhere, generator)))
    boxes = clip_boxes(boxes, hw)
    return boxes[is_large_enough(boxes, _MIN_SIDE)].to(xyxy.device)


def _moved(xyxy: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Objects (N, 4) moved and stretched, `count` times each."""
    sides = (xyxy[:, 2:] - xyxy[:, :2]).repeat(count, 1)
    centres = ((xyxy[:, :2] + xyxy[:, 2:]) / 2).repeat(count, 1)
    shift, stretch = torch.randn(2, len(centres), 2, generator=generator)
    centres = centres + _SHIFT * shift * sides
    half = sides * (_STRETCH * stretch).exp() / 2
    return torch.cat((centres - half, centres + half), dim=1)


def _all_over(hw: tuple[int, int], count: int, generator: torch.Generator) -> Tensor:
    """Boxes whose sides' logs are even from `_MIN_SIDE` to the image's, at even places."""
    image = torch.tensor([hw[1], hw[0]], dtype=torch.float32)
    place, size = torch.rand(2, count, 2, generator=generator)
    sides = _MIN_SIDE * (size * (image / _MIN_SIDE).log()).exp()
    start = place * (image - sides)
    return torch.cat((start, start + sides), dim=1)
