"""Boxes of fixed shapes at even steps over the picture, whatever it shows.

The dense alternative to selective search (Girshick, "Fast R-CNN", 2015, section 5.5).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from streamdet.detectors.proposals import Boxes, inside
from streamdet.image import Pixels


class SlidingBoxes:
    """Proposes the same boxes for every picture of one size; see `Proposer`."""

    def __init__(self, scales: Sequence[float], ratios: Sequence[float]) -> None:
        """Choose the shapes.

        Args:
            scales: square roots of the boxes' areas, in shorter sides of the picture.
            ratios: height / width.
        """
        self._shapes = [
            (scale * math.sqrt(ratio), scale / math.sqrt(ratio))
            for scale in scales
            for ratio in ratios
        ]
        self.name = f"sliding boxes of {len(self._shapes)} shapes"

    def __call__(self, image: Pixels, most: int) -> Boxes:
        """Place each shape as often as an equal share of `most` allows; see `Proposer`."""
        hw = (image.shape[0], image.shape[1])
        shapes = self._shapes[:most]
        grids = [_placed(shape, hw, most // len(shapes)) for shape in shapes]
        return inside(np.concatenate(grids), hw, most)


def _placed(shape: tuple[float, float], hw: tuple[int, int], most: int) -> Boxes:
    """Place a shape at even steps, from border to border: at most `most` boxes."""
    sides = [min(side * min(hw), limit) for side, limit in zip(shape, hw, strict=True)]
    free = [limit - side for side, limit in zip(sides, hw, strict=True)]
    y, x = (
        np.linspace(0, room, count) for room, count in zip(free, _counts(free, most), strict=True)
    )
    top, left = (grid.ravel() for grid in np.meshgrid(y, x, indexing="ij"))
    xyxy = np.stack((left, top, left + sides[1], top + sides[0]), axis=1)
    return xyxy.astype(np.float32)


def _counts(free: Sequence[float], most: int) -> Iterator[int]:
    """Share a number of places among rows and columns, by the room that there is in each."""
    rows = max(1, min(most, round(math.sqrt(most * (free[0] + 1) / (free[1] + 1)))))
    yield rows
    yield most // rows
