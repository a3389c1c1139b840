"""Boxes by their corners, from centre and size."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]


def corners(centres: Floats, wh: Floats) -> Floats:
    """Give boxes by their corners.

    Args:
        centres: (..., 2) x and y.
        wh: (..., 2) width and height.

    Returns:
        (..., 4) xyxy; not finite where an input is not.
    """
    half = wh / 2
    with np.errstate(invalid="ignore"):
        return np.concatenate([centres - half, centres + half], axis=-1)
