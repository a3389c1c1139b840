"""ByteTrack (Zhang et al. 2022, "Associating every detection box", algorithm 1).

The filter and its noise, which grows with a box's height, are the authors' (DeepSORT's, Wojke et
al. 2017). The three associations are those of the authors' code: tracks with detections of high
score (overlap times score), tracks seen in the last frame with detections of low score, tracks of
one frame with what is left of the high scores.

Departures:

- A track of one frame is moved by its filter before it is matched; the code leaves that out.
- A lost track that overlaps another one is not ended; the paper does not ask for it, the code does.
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
from streamdet.trackers.box_states import trackable, xyah_to_xyxy, xyxy_to_xyah
from streamdet.trackers.kalman import predict, start_filters
from streamdet.trackers.tracks import (
    CLASS_ID,
    MISSES,
    TRACK_ID,
    Floats,
    Indices,
    Tracks,
    filters_of,
    unmatched,
)

# Standard deviations of position and velocity: as shares of the height, and of the aspect ratio.
_SHARE = np.array([[1 / 20] * 4, [1 / 160] * 4])[..., None]
_ASPECT = np.array([[1e-2], [1e-5]])
_START_FACTOR = np.array([2.0, 10.0])[:, None, None]
_MEASURED_ASPECT = np.array(0.1)
_Mask = npt.NDArray[np.bool_]


class ByteTrackOptions(Options):
    """Options of ByteTrack."""

    high_thresh: float = Field(
        0.6, ge=0, le=1, description="Scores from here on are matched first."
    )
    low_thresh: float = Field(0.1, ge=0, le=1, description="Detections below this are ignored.")
    new_thresh: float = Field(0.7, ge=0, le=1, description="Scores from here on may begin a track.")
    high_iou_thresh: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Least overlap (times score) of a track and a high-score detection.",
    )
    low_iou_thresh: float = Field(
        0.5, ge=0, le=1, description="Least overlap of a track and a low-score detection."
    )
    new_iou_thresh: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Least overlap (times score) of a one-frame track and a detection.",
    )
    max_age: int = Field(30, ge=0, le=10_000, description="Frames that a lost track is kept.")
    class_agnostic: bool = Field(False, description="Tracks may match detections of any class.")


class ByteTrack:
    """Follows boxes of high score first and keeps tracks alive with those of low score."""

    Options = ByteTrackOptions

    def __init__(self, options: ByteTrackOptions) -> None:
        """Begin without tracks."""
        self._options = options
        self._tracks = Tracks()

    def update(self, detections: Detections) -> Detections:
        """Take the next frame; returns matched tracks from their second frame on, as filtered."""
        tracks, options = self._tracks, self._options
        tracks.frame_count += 1
        found = trackable(detections, options.low_thresh)
        measured = xyxy_to_xyah(found.xyxy.T.astype(np.float64))
        _predict(tracks.table)
        rows, columns = self._match(found)
        noise = _variances(tracks.table[3].take(rows), _SHARE[0], _MEASURED_ASPECT)
        tracks.correct(rows, columns, measured.take(columns, axis=1), noise)
        misses = tracks.table[MISSES]
        tracks.keep((misses == 0.0) | (tracks.table[TRACK_ID] > 0.0) & (misses <= options.max_age))
        confirmed = tracks.table[MISSES] == 0.0
        if len(columns) < len(found):
            new = unmatched(len(found), columns)
            new = new[found.scores[new] >= options.new_thresh]
            tracks.add(_start(measured[:, new]), found, new)
            confirmed = np.append(confirmed, np.full(len(new), tracks.frame_count == 1))
        return tracks.report(confirmed, found, xyah_to_xyxy(tracks.table[:4]))

    def state(self) -> bytes:
        """Pack the tracks; the inverse of `restore`."""
        return self._tracks.state()

    def restore(self, state: bytes) -> None:
        """Go on from a packed state; raises ValueError if it is none."""
        self._tracks.restore(state)

    def _match(self, found: Detections) -> tuple[Indices, Indices]:
        """Run the three associations; returns tracks and their detections."""
        options, table = self._options, self._tracks.table
        iou = pairwise_iou(xyah_to_xyxy(table[:4]).T, found.xyxy)
        if not options.class_agnostic:
            iou *= table[CLASS_ID][:, None] == found.class_ids
        fused = iou * found.scores
        is_high = found.scores >= options.high_thresh
        is_known = table[TRACK_ID] > 0.0
        matching = _Matching(*iou.shape)
        matching.extend(fused - options.high_iou_thresh, is_known, is_high)
        matching.extend(iou - options.low_iou_thresh, is_known & (table[MISSES] == 0.0), ~is_high)
        matching.extend(fused - options.new_iou_thresh, ~is_known, is_high)
        return matching.pairs()


class _Matching:
    """Pairs of tracks and detections, found in several rounds."""

    def __init__(self, track_count: int, detection_count: int) -> None:
        self._column_of = np.full(track_count, -1, dtype=np.intp)
        self._is_free = np.ones(detection_count, dtype=bool)

    def extend(self, gain: Floats, tracks: _Mask, detections: _Mask) -> None:
        """Match what is free among some tracks (N,) and some detections (M,)."""
        (rows,) = (tracks & (self._column_of < 0)).nonzero()
        (columns,) = (detections & self._is_free).nonzero()
        if len(rows) == 0 or len(columns) == 0:
            return
        chosen_rows, chosen_columns = assign(gain.take(rows, axis=0).take(columns, axis=1))
        columns = columns.take(chosen_columns)
        self._column_of[rows.take(chosen_rows)] = columns
        self._is_free[columns] = False

    def pairs(self) -> tuple[Indices, Indices]:
        """Return the matched tracks, rising, and their detections."""
        (rows,) = (self._column_of >= 0).nonzero()
        return rows, self._column_of.take(rows)


def _variances(height: Floats, share: Floats, aspect: Floats) -> Floats:
    """Variances (..., 4, N) from deviations: shares of the heights, and the aspect ratio's own."""
    deviation = share * height
    deviation[..., 2, :] = aspect
    deviation *= deviation
    return deviation


def _predict(table: Floats) -> None:
    """Move all filters one frame ahead; a lost track's height stands still."""
    filters = filters_of(table)
    filters[1, 3] *= table[MISSES] == 0.0
    predict(filters, _variances(table[3], _SHARE, _ASPECT))


def _start(measured: Floats) -> Floats:
    return start_filters(measured, _variances(measured[3], _START_FACTOR * _SHARE, _ASPECT))
