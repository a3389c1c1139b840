"""Scores of deformable part models on one level; Felzenszwalb et al. (2010), section 3, eq. 6-8.

N counts filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.dpm_model import Component, Mixture
from streamdet.detectors.parts.dpm_pyramid import Level
from streamdet.ops.distance_transform import distance_transform

Floats = npt.NDArray[np.float32]

NOWHERE: Final = np.float32(-np.inf)


class MixtureScores:
    """Scores every placement of a mixture's roots, their parts placed as well as they can be."""

    def __init__(self, mixture: Mixture, part_reach: int | None) -> None:
        """Put the filters in order.

        Args:
            mixture: the model.
            part_reach: largest shift of a part on each axis, cells of its level; None is any.
        """
        self._mixture = mixture
        self._part_reach = part_reach
        parts = [part for component in mixture.components for part in component.parts]
        self._parts = np.stack([part.weights for part in parts])
        self._deformations = np.stack([part.deformation for part in parts])

    def __call__(self, level: Level) -> list[Floats]:
        """Score a level.

        Returns:
            A map for each component, (h - root height + 1, w - root width + 1) float32, -inf where
            a part would be outside the finer level; empty where the level is below the root.
        """
        maps = distance_transform(
            responses(level.fine, self._parts), self._deformations, self._part_reach
        )
        found, first = [], 0
        for component in self._mixture.components:
            last = first + len(component.parts)
            found.append(self._component(component, level, maps[first:last]))
            first = last
        return found

    def _component(self, component: Component, level: Level, maps: Floats) -> Floats:
        [score] = responses(level.coarse, component.root[None])
        place = component.location[level.index >= self._mixture.interval]
        score = np.asarray(score + np.float32(component.bias + place))
        high, wide = self._mixture.padding_hw
        for part, part_map in zip(component.parts, maps, strict=True):
            x, y = part.anchor_xy
            score += every_second(part_map, (y - high, x - wide), score.shape)
        return score


def responses(cells: Floats, filters: Floats) -> Floats:
    """Correlate cells with filters, where a filter is inside.

    Args:
        cells: (h, w, C) float32.
        filters: (N, height, width, C) float32.

    Returns:
        (N, h - height + 1, w - width + 1) float32; empty where the filters are larger.
    """
    count, height, width, channels = filters.shape
    rows, columns = cells.shape[0] - height + 1, cells.shape[1] - width + 1
    if rows < 1 or columns < 1:
        return np.zeros((count, max(rows, 0), max(columns, 0)), dtype=np.float32)
    # `width` cells side by side are one run of memory: a product per filter row, then a sum.
    step_y, step_x, step = np.ascontiguousarray(cells).strides
    runs = np.lib.stride_tricks.as_strided(
        np.ascontiguousarray(cells),
        (cells.shape[0], columns, width * channels),
        (step_y, step_x, step),
    ).reshape(-1, width * channels)
    weights = filters.transpose(1, 0, 2, 3).reshape(height * count, width * channels)
    products = (weights @ runs.T).reshape(height, count, cells.shape[0], columns)
    total = products[0, :, :rows].copy()
    for row in range(1, height):
        total += products[row, :, row : row + rows]
    return total


def every_second(values: Floats, start_yx: tuple[int, int], hw: Sequence[int]) -> Floats:
    """Read a finer map from the places of a coarser one.

    Args:
        values: (H, W).
        start_yx: place in `values` of the coarser map's (0, 0); may be outside.
        hw: the coarser map's height and width.

    Returns:
        (h, w) float32: values[start + 2 * place], -inf outside.
    """
    found = np.full(hw, NOWHERE, dtype=np.float32)
    (top, bottom), (left, right) = (
        _inside(start, side, count)
        for start, side, count in zip(start_yx, values.shape, hw, strict=True)
    )
    if top < bottom and left < right:
        y, x = start_yx
        found[top:bottom, left:right] = values[
            y + 2 * top : y + 2 * bottom : 2, x + 2 * left : x + 2 * right : 2
        ]
    return found


def _inside(start: int, side: int, count: int) -> tuple[int, int]:
    """Give first and end of the places k in 0..count with 0 <= start + 2 k < side."""
    return max(0, -(start // 2)), min(count, (side - start + 1) // 2)
