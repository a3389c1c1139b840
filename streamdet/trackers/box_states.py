"""Boxes as the trackers' filters see them: (4, N) float64, pixels, one row a coordinate.

`xyxy`: edges. `xysr`: centre, area (square pixels), aspect ratio width / height (SORT). `xyah`:
centre, aspect ratio, height (ByteTrack). `cxcywh`: centre, width, height (BoT-SORT).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections, FrameMasks, RowNumbers

Floats = npt.NDArray[np.float64]
_LARGEST = float(np.finfo(np.float32).max)


class Found(NamedTuple):
    """The M detections of a frame that can be tracked.

    Attributes:
        xyxy: (4, M) float64.
        scores: (M,) float32.
        class_ids: (M,) int64.
        masks: as the detections have them, like the next.
        keypoints: (M, K, 3) float32.
        rows: (M,) which of the frame's detections they are.
    """

    xyxy: Floats
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    masks: FrameMasks | None
    keypoints: npt.NDArray[np.float32] | None
    rows: RowNumbers


def trackable(detections: Detections, score_thresh: float) -> Found:
    """Leave out what no tracker can follow: boxes without area or with edges that are not finite.

    Args:
        detections: one frame's.
        score_thresh: what scores less (or is not a number) is left out too.
    """
    xyxy = detections.xyxy.T.astype(np.float64, order="C")
    wh = xyxy[2:] - xyxy[:2]
    good = (wh > 0.0) & (wh <= _LARGEST)  # (2, M)
    kept = detections.scores >= score_thresh
    if np.count_nonzero(good) < good.size:
        kept &= good[0] & good[1]
    found = Found(
        xyxy,
        detections.scores,
        detections.class_ids,
        detections.masks,
        detections.keypoints,
        np.arange(len(detections), dtype=np.int64),
    )
    return found if np.count_nonzero(kept) == len(kept) else _select(found, kept.nonzero()[0])


def _select(found: Found, rows: npt.NDArray[np.intp]) -> Found:
    return Found(
        found.xyxy.take(rows, axis=1),
        found.scores.take(rows),
        found.class_ids.take(rows),
        None if found.masks is None else found.masks[rows],
        None if found.keypoints is None else found.keypoints[rows],
        found.rows.take(rows),
    )


def overlaps(xyxy: Floats, area: Floats, other: Floats, other_area: Floats) -> Floats:
    """Intersection over union of boxes that have an area.

    Args:
        xyxy: (4, N).
        area: (N,) square pixels, which the trackers know already.
        other: (4, M).
        other_area: (M,).

    Returns:
        (N, M), 0..1.
    """
    wh = np.minimum(xyxy[2:, :, None], other[2:, None])  # (2, N, M)
    wh -= np.maximum(xyxy[:2, :, None], other[:2, None])
    np.maximum(wh, 0.0, out=wh)
    intersection: Floats = wh[0] * wh[1]
    union = area[:, None] + other_area
    union -= intersection
    intersection /= union
    return intersection


def xyxy_to_xysr(xyxy: Floats) -> Floats:
    """Turn edges into centre, area and aspect ratio; the inverse of `xysr_to_xyxy`."""
    wh = xyxy[2:] - xyxy[:2]
    width, height = wh[0], wh[1]
    xysr = np.empty(xyxy.shape)
    np.multiply(width, height, out=xysr[2])
    np.divide(width, height, out=xysr[3])
    wh *= 0.5
    np.add(xyxy[:2], wh, out=xysr[:2])
    return xysr


def xysr_to_xyxy(xysr: Floats) -> Floats:
    """Turn centre, area and aspect ratio into edges; area and ratio are above 0."""
    area = xysr[2]
    wh = np.empty((2, len(area)))
    width, height = wh[0], wh[1]
    np.sqrt(area * xysr[3], out=width)
    np.divide(area, width, out=height)
    return _edges(xysr[:2], wh)


def xyxy_to_xyah(xyxy: Floats) -> Floats:
    """Turn edges into centre, aspect ratio and height; the inverse of `xyah_to_xyxy`."""
    wh = xyxy[2:] - xyxy[:2]
    xyah = np.empty(xyxy.shape)
    np.divide(wh[0], wh[1], out=xyah[2])
    xyah[3] = wh[1]
    wh *= 0.5
    np.add(xyxy[:2], wh, out=xyah[:2])
    return xyah


def xyah_to_xyxy(xyah: Floats) -> Floats:
    """Turn centre, aspect ratio and height into edges."""
    height = xyah[3]
    wh = np.empty((2, len(height)))
    np.multiply(xyah[2], height, out=wh[0])
    wh[1] = height
    return _edges(xyah[:2], wh)


def xyxy_to_cxcywh(xyxy: Floats) -> Floats:
    """Turn edges into centre, width and height; the inverse of `cxcywh_to_xyxy`."""
    wh = xyxy[2:] - xyxy[:2]
    return np.concatenate((xyxy[:2] + 0.5 * wh, wh))


def cxcywh_to_xyxy(cxcywh: Floats) -> Floats:
    """Turn centre, width and height into edges."""
    return _edges(cxcywh[:2], cxcywh[2:].copy())


def _edges(centre: Floats, wh: Floats) -> Floats:
    wh *= 0.5
    xyxy = np.empty((4, wh.shape[1]))
    np.subtract(centre, wh, out=xyxy[:2])
    np.add(centre, wh, out=xyxy[2:])
    return xyxy
