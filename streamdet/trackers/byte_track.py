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

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from streamdet.detections import Detections, RowNumbers
from streamdet.trackers.box_states import Found, overlaps, trackable, xyah_to_xyxy, xyxy_to_xyah
from streamdet.trackers.kalman import correct, predict, start_filters
from streamdet.trackers.options import Score, TrackerOptions
from streamdet.trackers.three_rounds import Gates, match_in_rounds
from streamdet.trackers.tracks import (
    CLASS_ID,
    SEEN,
    Floats,
    Indices,
    Tracks,
    filters_of,
    report,
    unmatched,
)

# Standard deviations of position and velocity: as shares of the height, and of the aspect ratio.
_SHARE = np.array([[1 / 20] * 4, [1 / 160] * 4])[..., None]
_ASPECT = np.array([[1e-2], [1e-5]])
_START_FACTOR = np.array([2.0, 10.0])[:, None, None]
_MEASURED_ASPECT = np.array(0.1)
_MIN_HITS = 1


class ByteTrackOptions(TrackerOptions):
    """Options of ByteTrack."""

    paper: ClassVar[dict[str, float]] = {
        "high_thresh": 0.6,
        "low_thresh": 0.1,
        "new_thresh": 0.7,
    }
    of_model: ClassVar[Mapping[str, str]] = {
        "high_thresh": "high_thresh",
        "low_thresh": "low_thresh",
        "new_thresh": "new_thresh",
    }

    high_thresh: Score | None = Field(
        None,
        description="Scores from here on are matched first; by default the model's"
        " tracking.high_thresh.",
    )
    low_thresh: Score | None = Field(
        None,
        description="Detections below this are not tracked; by default the model's"
        " tracking.low_thresh.",
    )
    new_thresh: Score | None = Field(
        None,
        description="Scores from here on may begin a track; by default the model's"
        " tracking.new_thresh.",
    )
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

    def gates(self) -> Gates:
        """What pairs of a track and a detection must have."""
        return Gates(
            self.threshold("high_thresh"),
            self.high_iou_thresh,
            self.low_iou_thresh,
            self.new_iou_thresh,
        )


class ByteTrack:
    """Follows boxes of high score first and keeps tracks alive with those of low score."""

    Options = ByteTrackOptions

    def __init__(self, options: ByteTrackOptions) -> None:
        """Begin without tracks."""
        self._options = options
        self._tracks = Tracks(_MIN_HITS, options.max_age)
        self._low_thresh = options.threshold("low_thresh")
        self._new_thresh = options.threshold("new_thresh")
        self._gates = options.gates()
        self.rows: RowNumbers = np.zeros(0, np.int64)

    def update(self, detections: Detections) -> Detections:
        """Take the next frame; returns matched tracks from their second frame on, as filtered."""
        tracks = self._tracks
        tracks.frame_count += 1
        found = trackable(detections, self._low_thresh)
        measured = xyxy_to_xyah(found.xyxy)
        self._predict()
        rows, columns = self._match(found, measured)
        seen = tracks.table.take(rows, axis=1)
        noise = _variances(seen[3], _SHARE[0], _MEASURED_ASPECT)
        correct(filters_of(seen), measured.take(columns, axis=1), noise)
        tracks.write_matched(rows, seen)
        if len(columns) < len(found.scores):
            new = unmatched(len(found.scores), columns)
            new = new[found.scores.take(new) >= self._new_thresh]
            begun = tracks.add(_start(measured.take(new, axis=1)), found.class_ids.take(new))
            seen, columns = np.concatenate((seen, begun), axis=1), np.concatenate((columns, new))
        reported, self.rows = report(seen, xyah_to_xyxy(seen[:4]), found, columns)
        return reported

    def state(self) -> bytes:
        """Pack the tracks; the inverse of `restore`."""
        return self._tracks.state()

    def restore(self, state: bytes) -> None:
        """Go on from a packed state; raises ValueError if it is none."""
        self._tracks.restore(state)

    def _predict(self) -> None:
        """Move all filters one frame ahead; a lost track's height stands still."""
        table, filters = self._tracks.table, self._tracks.filters
        filters[3, 3] *= table[SEEN] == self._tracks.frame_count - 1.0
        predict(filters, _variances(table[3], _SHARE, _ASPECT))

    def _match(self, found: Found, measured: Floats) -> tuple[Indices, Indices]:
        """Run the three associations; returns tracks, rising, and their detections."""
        options, table = self._options, self._tracks.table
        iou = overlaps(xyah_to_xyxy(table[:4]), _area(table[:4]), found.xyxy, _area(measured))
        if not options.class_agnostic:
            iou *= table[CLASS_ID][:, None] == found.class_ids
        return match_in_rounds(self._tracks, iou, iou * found.scores, found.scores, self._gates)


def _area(xyah: Floats) -> Floats:
    height = xyah[3]
    return np.asarray(xyah[2] * height * height)


def _variances(height: Floats, share: Floats, aspect: Floats) -> Floats:
    """Variances (..., 4, N) from deviations: shares of the heights, and the aspect ratio's own."""
    deviation = share * height
    deviation[..., 2, :] = aspect
    deviation *= deviation
    return deviation


def _start(measured: Floats) -> Floats:
    return start_filters(measured, _variances(measured[3], _START_FACTOR * _SHARE, _ASPECT))
