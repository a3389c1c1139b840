"""Boxes of fixed shapes at even steps over the image, whatever it shows.

The dense alternative to selective search (Girshick, "Fast R-CNN", 2015, section 5.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from streamdet.detectors.parts.sliding_boxes import sliding_boxes
from streamdet.detectors.proposals import Boxes, inside
from streamdet.image import Pixels

_CLOSEST: Final = 0.05  # step, as a share of a box's sides
_GROWTH: Final = 1.2


class SlidingBoxes:
    """Proposes the same boxes for every image of one size; see `Proposer`."""

    def __init__(self, scales: Sequence[float], ratios: Sequence[float]) -> None:
        """Choose the shapes.

        Args:
            scales: square roots of the boxes' areas, in shorter sides of the image.
            ratios: height / width.
        """
        self._shapes = tuple(
            (scale * math.sqrt(ratio), scale / math.sqrt(ratio))
            for scale in scales
            for ratio in ratios
        )
        self.name = f"sliding boxes of {len(self._shapes)} shapes"

    def __call__(self, image: Pixels, most: int, index: int = 0) -> Boxes:
        """Place every shape at the closest step that keeps to `most`; see `Proposer`.

        A shape is cut to the image. Where there are more shapes than `most`, the first count.
        """
        return _placed(self._shapes[:most], (image.shape[0], image.shape[1]), most)


@lru_cache(maxsize=16)  # a stream has images of one size
def _placed(shapes: tuple[tuple[float, float], ...], hw: tuple[int, int], most: int) -> Boxes:
    windows = dict.fromkeys(_window(shape, hw) for shape in shapes)
    step = _CLOSEST
    while len(boxes := sliding_boxes(hw, [*windows], step)) > most:
        step *= _GROWTH
    boxes = inside(boxes, hw, most)
    boxes.flags.writeable = False
    return boxes


def _window(shape: tuple[float, float], hw: tuple[int, int]) -> tuple[int, int]:
    height, width = (
        min(max(1, round(side * min(hw))), limit) for side, limit in zip(shape, hw, strict=True)
    )
    return height, width
