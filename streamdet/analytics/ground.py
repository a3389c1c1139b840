"""From pixels to metres on the ground: a scale, or a homography from four points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

XY = npt.NDArray[np.float64]


def homography(image_xy: XY, ground_xy: XY) -> XY:
    """Find the 3x3 matrix that maps four points of the image to points on the ground.

    Args:
        image_xy: (4, 2), pixels.
        ground_xy: (4, 2), metres.
    """
    import cv2

    matrix = cv2.getPerspectiveTransform(image_xy.astype(np.float32), ground_xy.astype(np.float32))
    return np.asarray(matrix, np.float64)


def is_straight(three: Sequence[tuple[float, float]]) -> bool:
    """Whether three points lie on a line."""
    (ax, ay), (bx, by), (cx, cy) = three
    return (bx - ax) * (cy - ay) == (by - ay) * (cx - ax)


def on_ground(matrix: XY, xy: XY) -> XY:
    """Map points, (N, 2) pixels, to metres on the ground; NaN at and above the horizon."""
    mapped = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
    with np.errstate(divide="ignore", invalid="ignore"):
        metres = mapped[:, :2] / mapped[:, 2:]
    return np.where(np.isfinite(metres), metres, np.nan)
