"""Three points of any object: its top, its middle and its foot, where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

POINTS: Final = 3
_SEEN: Final = 2.0  # COCO's visibility of a point that is labelled and visible

Floats = npt.NDArray[np.float32]


def upright_points(xyxy: Floats, masks: Sequence[npt.NDArray[np.bool_] | None]) -> Floats:
    """Find the points of N objects.

    Args:
        xyxy: (N, 4) pixels.
        masks: of each (H, W); None or an empty one: the box is looked at, whose points lie on its
            middle line.

    Returns:
        (N, 3, 3) x, y, visibility: top, middle, foot.
    """
    points = np.full((len(xyxy), POINTS, 3), _SEEN, np.float32)
    for row, (box, mask) in enumerate(zip(xyxy, masks, strict=True)):
        points[row, :, :2] = _of_box(box) if mask is None or not mask.any() else _of_mask(mask)
    return points


def _of_box(box: Floats) -> Floats:
    x1, y1, x2, y2 = box.tolist()
    return np.array([[(x1 + x2) / 2, y] for y in (y1, (y1 + y2) / 2, y2)], np.float32)


def _of_mask(mask: npt.NDArray[np.bool_]) -> Floats:
    """Take the middle of the highest and of the lowest pixels, and of all."""
    y, x = np.nonzero(mask)  # row by row
    top, foot = x[y == y[0]].mean() + 0.5, x[y == y[-1]].mean() + 0.5
    middle = (x.mean() + 0.5, y.mean() + 0.5)
    return np.array([[top, y[0]], middle, [foot, y[-1] + 1]], np.float32)
