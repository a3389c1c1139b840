"""Reads the number that a frame of the test cameras carries."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.cameras.number_layout import COLUMNS, ROWS, number_of

BLACK_BELOW = 90
WHITE_ABOVE = 165


def read_number(image: npt.NDArray[np.uint8]) -> tuple[int, int] | None:
    """Gives (camera, number) of an image, None where it carries none or is damaged.

    Args:
        image: (H, W, 3) uint8, BGR, as sent or scaled (each side on its own, too), not cropped.
    """
    means = _block_means(image)
    if ((means > BLACK_BELOW) & (means < WHITE_ABOVE)).any():
        return None
    return number_of([bool(mean > 128) for mean in means.flat])


def _block_means(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Gives the mean of the inner half of every block, which a blurred edge does not reach."""
    height, width = image.shape[:2]
    means = np.empty((ROWS, COLUMNS))
    for row in range(ROWS):
        for column in range(COLUMNS):
            inner = image[_inner(row, ROWS, height), _inner(column, COLUMNS, width)]
            means[row, column] = inner.mean()
    return means


def _inner(place: int, blocks: int, length: int) -> slice:
    """Gives the pixels of a block's inner half along one side, one at least."""
    block = length / 2 / blocks
    start = int((place + 0.25) * block)
    return slice(start, max(start + 1, round((place + 0.75) * block)))
