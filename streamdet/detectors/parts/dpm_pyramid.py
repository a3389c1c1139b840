"""The feature pyramid of deformable part models: voc-release5, featpyramid.m."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.felzenszwalb_hog import hog_cells
from streamdet.image import Pixels

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One size of an image: cells for roots, and cells of half the side for parts.

    Attributes:
        index: 0 for the image's own size; 2 ** -(1 / interval) from each to the next.
        scale: this size / the image's.
        coarse: (h, w, 32) float32, with `padding` cells around.
        fine: (about 2h, 2w, 32) float32, with `padding` (fine) cells around.
    """

    index: int
    scale: float
    coarse: Floats
    fine: Floats


def feature_levels(
    image: Pixels, cell: int, interval: int, padding_hw: tuple[int, int]
) -> Iterator[Level]:
    """Compute the levels of an image, the largest first within each of the `interval` series.

    Args:
        image: (H, W, 3) uint8; below 5 cells there is no level.
        cell: side of a root's cell, pixels.
        interval: levels in an octave.
        padding_hw: cells around each level that count as outside: 1 in the last channel.
    """
    smallest = min(image.shape[:2]) / (5 * cell)
    if smallest < 1:
        return
    count = 1 + math.floor(math.log2(smallest) * interval)
    for first in range(min(interval, count)):
        scaled = _resized(image, 2 ** (-first / interval))
        fine = _padded(hog_cells(scaled, cell // 2), padding_hw)
        for index in range(first, count, interval):
            if index > first:
                scaled = _resized(scaled, 0.5)
            coarse = _padded(hog_cells(scaled, cell), padding_hw)
            yield Level(index, 2 ** (-index / interval), coarse, fine)
            fine = coarse


def _resized(image: Pixels, scale: float) -> Pixels:
    if scale == 1:
        return image
    import cv2

    hw = [int(side * scale + 0.5) for side in image.shape[:2]]
    resized: Any = cv2.resize(image, (hw[1], hw[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8)


def _padded(cells: Floats, padding_hw: tuple[int, int]) -> Floats:
    """Add the cells outside, and the border of one cell that `hog_cells` leaves out."""
    high, wide = padding_hw[0] + 1, padding_hw[1] + 1
    padded = np.pad(cells, ((high, high), (wide, wide), (0, 0)))
    padded[..., -1] = 1
    padded[high:-high, wide:-wide, -1] = 0
    return padded
