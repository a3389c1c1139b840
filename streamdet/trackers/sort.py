"""SORT (Bewley et al. 2016, "Simple online and realtime tracking", section 3).

Departures from the paper and its code. MOTA/IDF1, summed over our 7 MOT15 sequences (public
detections, IoU 0.5, py-motmetrics), goes from .375/.434 to .386/.483 with all of them:

- A lost track is kept for 30 frames instead of 1 (`max_age`), so that people keep their ids behind
  a pillar (.368/.447).
- A track that was reported once is reported at every later match, without a new probation; one that
  misses a frame in its probation ends there (.371/.464).
- Detections below 0.6 are ignored (`score_thresh`), as ByteTrack's first round and OC-SORT do; the
  paper's detector stops at 0.5 (.386/.483; on MOT17-04 with another detector it costs .011/.005).
- Pairs below `iou_thresh` are left out before the assignment, not after it.
- Tracks match detections of their own class only (`class_agnostic: true` is the paper's).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar

import numpy as np
from pydantic import Field

from streamdet.detections import Detections, RowNumbers
from streamdet.trackers.assignment import assign
from streamdet.trackers.box_states import Found, overlaps, trackable, xysr_to_xyxy, xyxy_to_xysr
from streamdet.trackers.kalman import correct, predict, start_filters
from streamdet.trackers.options import Score, TrackerOptions
from streamdet.trackers.tracks import (
    CLASS_ID,
    Floats,
    Indices,
    Tracks,
    filters_of,
    forbid_other_classes,
    report,
    unmatched,
)

# Diagonals of R, P (position, velocity) and Q (position, velocity) in the authors' code.
MEASUREMENT_NOISE = np.array([[1.0], [1.0], [10.0], [10.0]])
START_NOISE = np.array([[10.0] * 4, [1e4, 1e4, 1e4, 0.0]])[..., None]
MOTION_NOISE = np.array([[1.0] * 4, [1e-2, 1e-2, 1e-4, 0.0]])[..., None]


class SortOptions(TrackerOptions):
    """Options of SORT."""

    paper: ClassVar[dict[str, float]] = {"score_thresh": 0.6}
    of_model: ClassVar[Mapping[str, str]] = {"score_thresh": "high_thresh"}

    score_thresh: Score | None = Field(
        None,
        description="Detections below this are not tracked; by default the model's"
        " tracking.high_thresh.",
    )
    iou_thresh: float = Field(
        0.3, gt=0, le=1, description="A track and a detection must overlap this much."
    )
    min_hits: int = Field(
        3, ge=0, le=100, description="Matches after the first that confirm a track."
    )
    max_age: int = Field(30, ge=0, le=10_000, description="Frames that a lost track is kept.")
    class_agnostic: bool = Field(False, description="Tracks may match detections of any class.")


class Sort:
    """Follows boxes with a constant-velocity filter and the best total overlap."""

    Options = SortOptions

    def __init__(self, options: SortOptions) -> None:
        """Begin without tracks."""
        self._options = options
        self._tracks = Tracks(options.min_hits, options.max_age)
        self._score_thresh = options.threshold("score_thresh")
        self.rows: RowNumbers = np.zeros(0, np.int64)

    def update(self, detections: Detections) -> Detections:
        """Take the next frame; returns the filters' boxes of confirmed tracks that were matched."""
        tracks = self._tracks
        tracks.frame_count += 1
        found = trackable(detections, self._score_thresh)
        measured = xyxy_to_xysr(found.xyxy)
        predict_xysr(tracks.filters)
        rows, columns = self._match(found, measured)
        seen = tracks.table.take(rows, axis=1)
        correct_xysr(filters_of(seen), measured.take(columns, axis=1))
        tracks.write_matched(rows, seen)
        if len(columns) < len(found.scores):
            new = unmatched(len(found.scores), columns)
            begun = tracks.add(start_xysr(measured.take(new, axis=1)), found.class_ids.take(new))
            seen, columns = np.concatenate((seen, begun), axis=1), np.concatenate((columns, new))
        reported, self.rows = report(seen, xysr_to_xyxy(seen[:4]), found, columns)
        return reported

    def state(self) -> bytes:
        """Pack the tracks; the inverse of `restore`."""
        return self._tracks.state()

    def restore(self, state: bytes) -> None:
        """Go on from a packed state; raises ValueError if it is none."""
        self._tracks.restore(state)

    def _match(self, found: Found, measured: Floats) -> tuple[Indices, Indices]:
        """Match predicted tracks and detections by overlap."""
        table = self._tracks.table
        iou = overlaps(xysr_to_xyxy(table[:4]), table[2], found.xyxy, measured[2])
        allowed = iou >= self._options.iou_thresh
        if not self._options.class_agnostic:
            forbid_other_classes(allowed, table[CLASS_ID], found.class_ids)
        return assign(iou, allowed)


def predict_xysr(filters: Floats) -> None:
    """Move xysr filters one frame ahead, in place; no area falls to 0."""
    area, area_velocity = filters[0, 2], filters[3, 2]
    next_area = area + area_velocity
    if min(next_area.tolist(), default=1.0) <= 0.0:
        area_velocity *= next_area > 0.0
    predict(filters, _motion_noise(len(area)))


def correct_xysr(filters: Floats, measured: Floats) -> None:
    """Take one measurement (4, N) of each xysr filter into account, in place."""
    correct(filters, measured, _measurement_noise(measured.shape[1]))


def start_xysr(measured: Floats) -> Floats:
    """Make (5, 4, K) filters from first measurements (4, K) xysr."""
    return start_filters(measured, START_NOISE)


# In full shape; see kalman.py. A few hundred bytes per track.
@lru_cache(maxsize=256)
def _motion_noise(count: int) -> Floats:
    return np.repeat(MOTION_NOISE, count, axis=2)


@lru_cache(maxsize=256)
def _measurement_noise(count: int) -> Floats:
    return np.repeat(MEASUREMENT_NOISE, count, axis=1)
