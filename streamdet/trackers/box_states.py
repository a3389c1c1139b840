"""Boxes as the trackers' filters see them: (4, N) float64, pixels, one row a coordinate.

`xyxy`: edges. `xysr`: centre, area (square pixels), aspect ratio width / height (SORT). `xyah`:
centre, aspect ratio, height (ByteTrack).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections

Floats = npt.NDArray[np.float64]


def trackable(detections: Detections, score_thresh: float) -> Detections:
    """Leave out what no tracker can follow: boxes without area or with edges that are not finite.

    Args:
        detections: one frame's.
        score_thresh: what scores less (or is not a number) is left out too.
    """
    edges = detections.xyxy.T
    wh = edges[2:] - edges[:2]
    good = (wh > 0.0) & (wh < np.inf)  # (2, N)
    good &= detections.scores >= score_thresh
    return detections if np.count_nonzero(good) == good.size else detections[good[0] & good[1]]


def xyxy_to_xysr(xyxy: Floats) -> Floats:
    """Turn edges into centre, area and aspect ratio; the inverse of `xysr_to_xyxy`."""
    wh = xyxy[2:] - xyxy[:2]
    xysr = np.empty_like(xyxy)
    np.add(xyxy[:2], 0.5 * wh, out=xysr[:2])
    np.multiply(wh[0], wh[1], out=xysr[2])
    np.divide(wh[0], wh[1], out=xysr[3])
    return xysr


def xysr_to_xyxy(xysr: Floats) -> Floats:
    """Turn centre, area and aspect ratio into edges; area and ratio are above 0."""
    wh = np.empty_like(xysr[:2])
    np.sqrt(xysr[2] * xysr[3], out=wh[0])
    np.divide(xysr[2], wh[0], out=wh[1])
    return _edges(xysr[:2], wh)


def xyxy_to_xyah(xyxy: Floats) -> Floats:
    """Turn edges into centre, aspect ratio and height; the inverse of `xyah_to_xyxy`."""
    wh = xyxy[2:] - xyxy[:2]
    xyah = np.empty_like(xyxy)
    np.add(xyxy[:2], 0.5 * wh, out=xyah[:2])
    np.divide(wh[0], wh[1], out=xyah[2])
    xyah[3] = wh[1]
    return xyah


def xyah_to_xyxy(xyah: Floats) -> Floats:
    """Turn centre, aspect ratio and height into edges."""
    wh = np.empty_like(xyah[:2])
    np.multiply(xyah[2], xyah[3], out=wh[0])
    wh[1] = xyah[3]
    return _edges(xyah[:2], wh)


def _edges(centre: Floats, wh: Floats) -> Floats:
    wh *= 0.5
    xyxy = np.empty((4, wh.shape[1]))
    np.subtract(centre, wh, out=xyxy[:2])
    np.add(centre, wh, out=xyxy[2:])
    return xyxy
