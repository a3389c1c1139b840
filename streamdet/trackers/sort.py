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

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.detections import Detections
from streamdet.ops.iou import pairwise_iou
from streamdet.options import Options
from streamdet.trackers.assignment import assign
from streamdet.trackers.box_states import trackable, xysr_to_xyxy, xyxy_to_xysr
from streamdet.trackers.kalman import predict, start_filters
from streamdet.trackers.tracks import (
    CLASS_ID,
    HITS,
    MISSES,
    TRACK_ID,
    Floats,
    Indices,
    Tracks,
    filters_of,
    gated,
    unmatched,
)

# Diagonals of R, P (position, velocity) and Q (position, velocity) in the authors' code.
MEASUREMENT_NOISE = np.array([[1.0], [1.0], [10.0], [10.0]])
START_NOISE = np.array([[10.0] * 4, [1e4, 1e4, 1e4, 0.0]])[..., None]
MOTION_NOISE = np.array([[1.0] * 4, [1e-2, 1e-2, 1e-4, 0.0]])[..., None]


class SortOptions(Options):
    """Options of SORT."""

    score_thresh: float = Field(0.6, ge=0, le=1, description="Detections below this are ignored.")
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
        self._tracks = Tracks()

    def update(self, detections: Detections) -> Detections:
        """Take the next frame; returns the filters' boxes of confirmed tracks that were matched."""
        tracks = self._tracks
        tracks.frame_count += 1
        found = trackable(detections, self._options.score_thresh)
        measured = xyxy_to_xysr(found.xyxy.T.astype(np.float64))
        predict_xysr(filters_of(tracks.table))
        rows, columns = self._match(found)
        tracks.correct(rows, columns, measured.take(columns, axis=1), MEASUREMENT_NOISE)
        if len(rows) < len(tracks):
            tracks.keep(is_alive(tracks, self._options.max_age))
        if len(columns) < len(found):
            new = unmatched(len(found), columns)
            tracks.add(start_xysr(measured[:, new]), found, new)
        confirmed = is_confirmed(tracks, self._options.min_hits)
        return tracks.report(confirmed, found, xysr_to_xyxy(tracks.table[:4]))

    def state(self) -> bytes:
        """Pack the tracks; the inverse of `restore`."""
        return self._tracks.state()

    def restore(self, state: bytes) -> None:
        """Go on from a packed state; raises ValueError if it is none."""
        self._tracks.restore(state)

    def _match(self, found: Detections) -> tuple[Indices, Indices]:
        table = self._tracks.table
        predicted = xysr_to_xyxy(table[:4])
        iou = pairwise_iou(predicted.T, found.xyxy)
        classes = None if self._options.class_agnostic else (table[CLASS_ID], found.class_ids)
        return assign(gated(iou, self._options.iou_thresh, classes))


def predict_xysr(filters: Floats) -> None:
    """Move xysr filters one frame ahead, in place; no area falls to 0."""
    position, velocity = filters[:2]
    velocity[2] *= position[2] + velocity[2] > 0.0
    predict(filters, MOTION_NOISE)


def start_xysr(measured: Floats) -> Floats:
    """Make (5, 4, K) filters from first measurements (4, K) xysr."""
    return start_filters(measured, START_NOISE)


def is_alive(tracks: Tracks, max_age: int) -> npt.NDArray[np.bool_]:
    """Say which tracks go on: matched ones, and reported ones that were not lost for too long."""
    misses = tracks.table[MISSES]
    alive: npt.NDArray[np.bool_] = (tracks.table[TRACK_ID] > 0.0) & (misses <= max_age)
    alive |= misses == 0.0
    return alive


def is_confirmed(tracks: Tracks, min_hits: int) -> npt.NDArray[np.bool_]:
    """Say which of the matched tracks to report; in the first frames of a source, all of them."""
    confirmed: npt.NDArray[np.bool_] = tracks.table[MISSES] == 0.0
    if tracks.frame_count > min_hits:
        confirmed &= (tracks.table[HITS] >= min_hits) | (tracks.table[TRACK_ID] > 0.0)
    return confirmed
