"""Intersection over union of boxes. N and M count boxes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def box_area(xyxy: npt.NDArray[np.floating]) -> Floats:
    """Areas of boxes: (N, 4) pixels -> (N,) square pixels; a box turned inside out has area 0."""
    wh = np.clip(xyxy[:, 2:].astype(np.float64) - xyxy[:, :2], 0.0, None)
    return np.asarray(wh[:, 0] * wh[:, 1])


def pairwise_iou(xyxy: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> Floats:
    """Overlap of every box with every other: area of the intersection / area of the union.

    Args:
        xyxy: (N, 4) pixels.
        other: (M, 4) pixels.

    Returns:
        (N, M) float64, 0..1; 0 where both boxes are empty.
    """
    left_top = np.maximum(xyxy[:, None, :2], other[None, :, :2])  # (N, M, 2)
    right_bottom = np.minimum(xyxy[:, None, 2:], other[None, :, 2:])
    wh = np.clip(right_bottom.astype(np.float64) - left_top, 0.0, None)
    intersection = wh[..., 0] * wh[..., 1]
    union = box_area(xyxy)[:, None] + box_area(other)[None, :] - intersection
    return np.asarray(intersection / np.where(union > 0.0, union, 1.0))
