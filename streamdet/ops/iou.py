"""Intersection over union of boxes. N and M count boxes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_TINY = float(np.finfo(np.float64).tiny)


def box_area(xyxy: npt.NDArray[np.floating]) -> Floats:
    """Areas of boxes: (N, 4) pixels -> (N,) square pixels; a box turned inside out has area 0."""
    edges = xyxy.T.astype(np.float64)
    wh = np.maximum(edges[2:] - edges[:2], 0.0)
    return np.asarray(wh[0] * wh[1])


def pairwise_iou(xyxy: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> Floats:
    """Overlap of every box with every other: area of the intersection / area of the union.

    Args:
        xyxy: (N, 4) pixels.
        other: (M, 4) pixels.

    Returns:
        (N, M) float64, 0..1; 0 where both boxes are empty.
    """
    edges, other_edges = xyxy.T.astype(np.float64), other.T.astype(np.float64)
    right_bottom = np.minimum(edges[2:, :, None], other_edges[2:, None])  # (2, N, M)
    wh = right_bottom - np.maximum(edges[:2, :, None], other_edges[:2, None])
    np.maximum(wh, 0.0, out=wh)
    intersection = wh[0] * wh[1]
    # A box turned inside out meets none, so its area needs no care here.
    union = _area(edges)[:, None] + _area(other_edges)
    union -= intersection
    intersection /= np.maximum(union, _TINY)
    return np.asarray(intersection)


def _area(edges: Floats) -> Floats:
    wh = edges[2:] - edges[:2]
    return np.asarray(wh[0] * wh[1])
