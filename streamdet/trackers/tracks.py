"""The tracks of one source in one table: a field is a row, a track is a column.

One table instead of an object per track: a step costs as many array operations for 50 tracks as
for one, keeping and adding tracks is one operation, and the state is the table's bytes. N counts
tracks.
"""

from __future__ import annotations

import msgpack
import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.trackers.kalman import correct

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

FILTERS = slice(0, 20)
TRACK_ID, CLASS_ID, HITS, MISSES, DETECTION = range(20, 25)
COMMON_FIELDS = 25


class Tracks:
    """All tracks of a source, reported or not, in the order in which they began.

    Attributes:
        table: (F, N) float64. Rows: the filters (see kalman.py), track id (0 until first reported),
            class id, matches since the track began, frames since its last detection, and that
            detection's row in the present frame; then fields of the tracker's own.
        frame_count: frames seen so far.
    """

    def __init__(self, own_fields: int = 0) -> None:
        """Begin without tracks.

        Args:
            own_fields: rows that the tracker adds below the common ones.
        """
        self.table: Floats = np.zeros((COMMON_FIELDS + own_fields, 0))
        self.frame_count = 0
        self._last_id = 0

    def __len__(self) -> int:
        """Count the tracks."""
        return int(self.table.shape[1])

    def correct(self, rows: Indices, detections: Indices, measured: Floats, noise: Floats) -> None:
        """Give matched tracks their detection; all others miss this frame.

        Args:
            rows: (K,) tracks, each once.
            detections: (K,) their detections.
            measured: (4, K) those detections as the filters measure them.
            noise: variances of the measurement that broadcast to (4, K).
        """
        matched = self.table.take(rows, axis=1)
        correct(filters_of(matched), measured, noise)
        self.write_matched(rows, detections, matched)

    def write_matched(self, rows: Indices, detections: Indices, matched: Floats) -> None:
        """Put back the corrected columns of matched tracks and count hits and misses.

        Args:
            rows: (K,) tracks, each once.
            detections: (K,) their detections.
            matched: (F, K) their columns.
        """
        matched[HITS] += 1.0
        matched[MISSES] = 0.0
        matched[DETECTION] = detections
        self.table[MISSES] += 1.0
        self.table[:, rows] = matched

    def keep(self, kept: npt.NDArray[np.bool_]) -> None:
        """End all tracks but those of a (N,) mask."""
        if np.count_nonzero(kept) < len(kept):
            self.table = self.table.compress(kept, axis=1)

    def add(self, filters: Floats, found: Detections, detections: Indices) -> Floats:
        """Begin tracks.

        Args:
            filters: (5, 4, K) of the new tracks.
            found: the frame's detections.
            detections: (K,) those with which the tracks begin.

        Returns:
            (F, K) the new columns, a view; fields of the tracker's own are 0.
        """
        columns = np.zeros((len(self.table), len(detections)))
        columns[FILTERS] = filters.reshape(20, -1)
        columns[CLASS_ID] = found.class_ids.take(detections)
        columns[DETECTION] = detections
        self.table = np.concatenate((self.table, columns), axis=1)
        return self.table[:, len(self) - len(detections) :]

    def report(
        self, confirmed: npt.NDArray[np.bool_], found: Detections, xyxy: Floats
    ) -> Detections:
        """Return confirmed tracks, sorted by id; those reported for the first time get one.

        Args:
            confirmed: (N,) which tracks to report; all have a detection in this frame.
            found: the frame's detections.
            xyxy: (4, N) boxes to report, pixels.
        """
        (rows,) = confirmed.nonzero()
        ids = self.table[TRACK_ID].take(rows)
        if np.count_nonzero(ids) < len(ids):
            ids = self._number(rows)
        order = ids.argsort()
        rows = rows.take(order)
        source = self.table[DETECTION].take(rows).astype(np.intp)
        return Detections(
            xyxy.take(rows, axis=1).T,
            found.scores.take(source),
            found.class_ids.take(source),
            ids.take(order),
            None if found.masks is None else found.masks[source],
            None if found.keypoints is None else found.keypoints[source],
        )

    def _number(self, rows: npt.NDArray[np.intp]) -> Floats:
        """Give the next ids to those tracks that have none; returns the ids of all."""
        ids: Floats = self.table[TRACK_ID].take(rows)
        (fresh,) = (ids == 0.0).nonzero()
        ids[fresh] = np.arange(1, len(fresh) + 1) + self._last_id
        self._last_id += len(fresh)
        self.table[TRACK_ID, rows] = ids
        return ids

    def state(self) -> bytes:
        """Pack everything; the inverse of `restore`."""
        values = (self.frame_count, self._last_id, len(self.table), self.table.tobytes())
        packed: bytes = msgpack.packb(values)
        return packed

    def restore(self, state: bytes) -> None:
        """Take back what `state` returned.

        Raises:
            ValueError: the bytes are not the state of a tracker of this kind and these options.
        """
        try:
            frame_count, last_id, field_count, table = msgpack.unpackb(state)
            if field_count != len(self.table):
                raise ValueError(f"wanted {len(self.table)} fields a track, got {field_count}")
            self.table = np.frombuffer(table).reshape(field_count, -1).copy()
        except (TypeError, ValueError, msgpack.UnpackException) as exc:
            raise ValueError(f"{len(state)} bytes are not this tracker's state: {exc}") from exc
        self.frame_count, self._last_id = frame_count, last_id


def gated(
    iou: Floats, iou_thresh: float, classes: tuple[Floats, npt.NDArray[np.int64]] | None
) -> Floats:
    """Set to 0 what may not match: pairs that overlap too little or are of different classes.

    Args:
        iou: (N, M) of tracks and detections.
        iou_thresh: the least overlap of a match.
        classes: class ids of the tracks (N,) and detections (M,); None if they do not matter.
    """
    allowed = iou >= iou_thresh
    if classes is not None:
        allowed &= classes[0][:, None] == classes[1]
    return iou * allowed


def filters_of(table: Floats) -> Floats:
    """View the filters of a table (F, N) as (5, 4, N)."""
    return table[FILTERS].reshape(5, 4, -1)


def unmatched(count: int, matched: Indices) -> Indices:
    """List which of `count` numbers from 0 are not among the matched ones, rising."""
    free = np.ones(count, dtype=bool)
    free[matched] = False
    return free.nonzero()[0]
