"""The cells of a network's output maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def cell_grid(
    hw: tuple[int, int], strides: Sequence[int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """List the cells of all maps, map by map, row by row.

    Args:
        hw: the network's input height and width, pixels.
        strides: pixels per cell, one map each; a map has ceil(side / stride) cells per side.

    Returns:
        (N, 2) x and y of each cell counted in cells of its own map, and (N, 1) its stride.
    """
    cells, steps = [], []
    for stride in strides:
        height, width = -(-hw[0] // stride), -(-hw[1] // stride)
        y, x = np.mgrid[:height, :width]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        steps.append(np.full((height * width, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(steps).astype(np.float32)
