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


def iou_of_edges(edges: Floats, other: Floats) -> Floats:
    """Overlap of boxes given edge by edge, which is faster for many: see `pairwise_iou`.

    Args:
        edges: (4, ...) float64: x1, y1, x2, y2, pixels.
        other: (4, ...) float64, pixels, broadcast against `edges`.

    Returns:
        (...) float64, 0..1; 0 where both boxes are empty.
    """
    wh = np.minimum(edges[2:], other[2:])
    wh -= np.maximum(edges[:2], other[:2])
    np.maximum(wh, 0.0, out=wh)
    intersection = np.asarray(wh[0] * wh[1])
    # A box turned inside out meets none, so its area needs no care here.
    union = _area(edges) + _area(other)
    union -= intersection
    intersection /= np.maximum(union, _TINY)
    return intersection


def pairwise_iou(xyxy: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> Floats:
    """Overlap of every box with every other: area of the intersection / area of the union.

    Args:
        xyxy: (N, 4) pixels.
        other: (M, 4) pixels.

    Returns:
        (N, M) float64, 0..1; 0 where both boxes are empty.
    """
    return iou_of_edges(_edges(xyxy[:, None]), _edges(other[None]))


def _edges(xyxy: npt.NDArray[np.floating]) -> Floats:
    return np.moveaxis(xyxy, -1, 0).astype(np.float64, order="C")


def _area(edges: Floats) -> Floats:
    wh = edges[2:] - edges[:2]
    return np.asarray(wh[0] * wh[1])
