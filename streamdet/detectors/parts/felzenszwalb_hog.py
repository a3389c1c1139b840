"""HOG as deformable part models want it: Felzenszwalb et al., PAMI 32(9), 2010, section 6.

18 signed and 9 unsigned orientations and 4 gradient energies of each cell; the numbers and their
order are voc-release5's (features.cc), whose models this serves. Departures: images are rounded to
8 bits at each scale, so that a table gives each gradient's orientation. H and W count pixels, h and
w cells.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.image import Pixels

CHANNELS: Final = 32
"""18 signed, 9 unsigned orientations, 4 energies, and one that marks what is outside."""

ORIENTATIONS: Final = 18
_EPSILON: Final = 1e-4
_TRUNCATION: Final = 0.2
_ENERGY_WEIGHT: Final = 0.2357

Floats = npt.NDArray[np.float32]


def hog_cells(image: Pixels, cell: int) -> Floats:
    """Describe the cells of an image, but for those at its border.

    Args:
        image: (H, W, 3) uint8.
        cell: side of a cell, pixels.

    Returns:
        (h - 2, w - 2, 32) float32, h = H / cell rounded, the last channel 0; empty where a side
        has fewer than 3 cells.
    """
    rows, columns = (int(side / cell + 0.5) for side in image.shape[:2])
    if rows < 3 or columns < 3:
        return np.zeros((max(rows - 2, 0), max(columns - 2, 0), CHANNELS), dtype=np.float32)
    magnitude, orientation = _gradients(image)
    # Cells may reach beyond the image by rounding: the last gradient goes on there.
    y = np.minimum(np.arange(rows * cell - 2), magnitude.shape[0] - 1)
    x = np.minimum(np.arange(columns * cell - 2), magnitude.shape[1] - 1)
    if len(y) != magnitude.shape[0] or len(x) != magnitude.shape[1]:
        magnitude, orientation = magnitude[np.ix_(y, x)], orientation[np.ix_(y, x)]
    return normalized_cells(_histograms(magnitude, orientation, cell, (rows, columns)))


def normalized_cells(histograms: Floats) -> Floats:
    """Normalise each cell by the energy of the four blocks of 2 x 2 cells that hold it.

    Args:
        histograms: (h, w, 18) float32, signed orientations.

    Returns:
        (h - 2, w - 2, 32) float32.
    """
    unsigned = histograms[..., :9] + histograms[..., 9:]
    energy = np.square(unsigned).sum(axis=2)
    blocks = energy[:-1, :-1] + energy[:-1, 1:] + energy[1:, :-1] + energy[1:, 1:]
    factors = 1 / np.sqrt(blocks + np.float32(_EPSILON))
    cells = np.concatenate([histograms, unsigned], axis=2)[1:-1, 1:-1]
    found = np.zeros((*cells.shape[:2], CHANNELS), dtype=np.float32)
    # features.cc's order: the block right and below, right and above, left and below, ...
    for place, (x, y) in enumerate([(1, 1), (1, 0), (0, 1), (0, 0)]):
        factor = factors[y : y + cells.shape[0], x : x + cells.shape[1], None]
        clipped = np.minimum(cells * factor, np.float32(_TRUNCATION))
        found[..., :27] += clipped
        found[..., 27 + place] = clipped[..., :ORIENTATIONS].sum(axis=2)
    found[..., :27] *= 0.5
    found[..., 27:31] *= _ENERGY_WEIGHT
    return found


def mirrored(weights: Floats) -> Floats:
    """Turn a filter's left and right round; its own inverse.

    Args:
        weights: (h, w, 32): an orientation o becomes 180 degrees - o, left blocks right ones.
    """
    signed = (9 - np.arange(ORIENTATIONS)) % ORIENTATIONS
    unsigned = 18 + (9 - np.arange(9)) % 9
    return np.ascontiguousarray(weights[:, ::-1, [*signed, *unsigned, 29, 30, 27, 28, 31]])


def _gradients(image: Pixels) -> tuple[Floats, npt.NDArray[np.uint8]]:
    """Give magnitude and orientation of each pixel inside; the strongest channel counts."""
    levels = image.astype(np.int16)
    dx = levels[1:-1, 2:] - levels[1:-1, :-2]
    dy = levels[2:, 1:-1] - levels[:-2, 1:-1]
    squares = np.square(dx.astype(np.int32)) + np.square(dy.astype(np.int32))
    places = (dy.astype(np.int32) + 255) * 511 + (dx + np.int32(255))
    square, place = squares[..., 2], places[..., 2]  # red first, as the paper's RGB order
    for channel in (1, 0):
        stronger = squares[..., channel] > square
        square = np.where(stronger, squares[..., channel], square)
        place = np.where(stronger, places[..., channel], place)
    return np.sqrt(square, dtype=np.float32), _orientation_table()[place]


@cache
def _orientation_table() -> npt.NDArray[np.uint8]:
    """Orientation of gradient (dx, dy) at [(dy + 255) * 511 + dx + 255]; vectors of features.cc."""
    angles = np.deg2rad(20) * np.arange(9)
    directions = np.round(np.stack([np.cos(angles), np.sin(angles)]), 4)
    dy, dx = np.mgrid[-255:256, -255:256]
    along = dx.ravel()[:, None] * directions[0] + dy.ravel()[:, None] * directions[1]
    # One loop over directions there: o before its opposite, a later one must be better.
    ordered = np.stack([along, -along], axis=2).reshape(-1, 18)
    best = ordered.argmax(axis=1)
    return np.asarray(best // 2 + 9 * (best % 2), dtype=np.uint8)


def _histograms(
    magnitude: Floats, orientation: npt.NDArray[np.uint8], cell: int, hw: tuple[int, int]
) -> Floats:
    """Add each pixel to its four nearest cells, bilinearly."""
    first_y, weight_y = _nearest_cells(magnitude.shape[0], cell)
    first_x, weight_x = _nearest_cells(magnitude.shape[1], cell)
    # A border of one cell takes what falls outside.
    height, width = hw[0] + 2, hw[1] + 2
    corner = first_y[:, None] * width + first_x
    bins = (corner * ORIENTATIONS + orientation).ravel()
    total = np.zeros(height * width * ORIENTATIONS)
    for y, row_weight in ((0, 1 - weight_y), (1, weight_y)):
        for x, column_weight in ((0, 1 - weight_x), (1, weight_x)):
            votes = magnitude * (row_weight[:, None] * column_weight)
            offset = (y * width + x) * ORIENTATIONS
            total[offset:] += np.bincount(bins, votes.ravel(), minlength=len(total) - offset)
    cells = total.reshape(height, width, ORIENTATIONS)[1:-1, 1:-1]
    return cells.astype(np.float32)


def _nearest_cells(count: int, cell: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """Give the first of the two nearest cells, counted from 1, and the weight of the second."""
    places = (np.arange(1, count + 1) + 0.5) / cell + 0.5
    first = np.floor(places).astype(np.intp)
    return first, (places - first).astype(np.float32)
