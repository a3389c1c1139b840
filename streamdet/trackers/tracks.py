"""The tracks of one source in one table: a field is a row, a track is a column.

One table instead of an object per track: a step costs as many array operations for 50 tracks as
for one, keeping and adding tracks is one operation, and the state is the table's bytes. N counts
tracks.
"""

from __future__ import annotations

import msgpack
import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections, RowNumbers
from streamdet.trackers.box_states import Found

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

FILTERS = slice(0, 20)
TRACK_ID, CLASS_ID, SEEN, REPORT_FROM, LAST_FRAME = range(20, 25)
COMMON_FIELDS = 25


class Tracks:
    """All tracks of a source, reported or not, in the order in which they began.

    A track that begins in the first `min_hits` frames is reported at once, a later one when it was
    matched in the `min_hits` frames after its first. One that misses a frame before that ends
    there, so a track that began earlier never has the higher id.

    Attributes:
        table: (F, N) float64. Rows: the filters (see kalman.py), track id (0 until first reported),
            class id, frame of the last detection, frame from which it may be reported, and the last
            frame that it lives to see without another detection; then fields of the tracker's own.
        frame_count: frames seen so far.
    """

    def __init__(self, min_hits: int, max_age: int, own_fields: int | None = 0) -> None:
        """Begin without tracks.

        Args:
            min_hits: matches after the first that confirm a track.
            max_age: frames that a lost track is kept.
            own_fields: rows that the tracker adds below the common ones; None: see `widen`.
        """
        self.table: Floats = np.zeros((COMMON_FIELDS + (own_fields or 0), 0))
        self._may_widen = own_fields is None
        self.frame_count = 0
        self._min_hits = min_hits
        self._max_age = max_age
        self._last_id = 0

    def __len__(self) -> int:
        """Count the tracks."""
        return int(self.table.shape[1])

    @property
    def filters(self) -> Floats:
        """View the filters as (5, 4, N)."""
        return filters_of(self.table)

    def widen(self, own_fields: int) -> None:
        """Give the tracks so many own fields; where they have other ones, all are 0 now."""
        if len(self.table) != COMMON_FIELDS + own_fields:
            own = np.zeros((own_fields, len(self)))
            self.table = np.concatenate((self.table[:COMMON_FIELDS], own))

    def write_matched(self, rows: Indices, matched: Floats) -> None:
        """Put back corrected tracks, numbered if it is time, and end those lost for too long.

        Args:
            rows: (K,) the tracks that have a detection in this frame, rising.
            matched: (F, K) their columns; what does not depend on the tracker is filled in.
        """
        matched[SEEN] = self.frame_count
        if self._number(matched):
            matched[LAST_FRAME] = self.frame_count + self._max_age
        else:
            matched[LAST_FRAME] = self.frame_count + self._max_age * (matched[TRACK_ID] > 0.0)
        self.table[:, rows] = matched
        if len(rows) < len(self):
            alive = self.table[LAST_FRAME] >= self.frame_count
            if np.count_nonzero(alive) < len(alive):
                self.table = self.table.compress(alive, axis=1)

    def add(
        self, filters: Floats, class_ids: npt.NDArray[np.int64], own: Floats | None = None
    ) -> Floats:
        """Begin tracks, after `write_matched`.

        Args:
            filters: (5, 4, K) of the new tracks.
            class_ids: (K,).
            own: (O, K) first of the tracker's own fields; others are 0.

        Returns:
            (F, K) the new columns.
        """
        begun = np.zeros((len(self.table), len(class_ids)))
        begun[FILTERS] = filters.reshape(20, -1)
        begun[CLASS_ID] = class_ids
        begun[SEEN] = self.frame_count
        is_first = self.frame_count <= self._min_hits
        begun[REPORT_FROM] = self.frame_count + (0 if is_first else self._min_hits)
        begun[LAST_FRAME] = self.frame_count
        if own is not None:
            begun[COMMON_FIELDS : COMMON_FIELDS + len(own)] = own
        if self._number(begun):
            begun[LAST_FRAME] += self._max_age
        self.table = np.concatenate((self.table, begun), axis=1)
        return begun

    def _number(self, columns: Floats) -> bool:
        """Give the next ids to tracks (F, K) whose time has come; says whether all have one."""
        ids = columns[TRACK_ID]
        if 0.0 not in ids.tolist():
            return True
        (fresh,) = ((ids == 0.0) & (columns[REPORT_FROM] <= self.frame_count)).nonzero()
        for row in fresh.tolist():
            self._last_id += 1
            ids[row] = self._last_id
        return 0.0 not in ids.tolist()

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
            if field_count != len(self.table) and not self._may_widen:
                raise ValueError(f"wanted {len(self.table)} fields a track, got {field_count}")
            self.table = np.frombuffer(table).reshape(field_count, -1).copy()
        except (TypeError, ValueError, msgpack.UnpackException) as exc:
            raise ValueError(f"{len(state)} bytes are not this tracker's state: {exc}") from exc
        self.frame_count, self._last_id = frame_count, last_id


def report(
    seen: Floats, xyxy: Floats, found: Found, columns: Indices
) -> tuple[Detections, RowNumbers]:
    """Return the numbered ones of the tracks seen in this frame; they are sorted by id.

    Args:
        seen: (F, K) tracks, in the order in which they began.
        xyxy: (4, K) their boxes, pixels.
        found: the frame's detections.
        columns: (K,) each track's detection.

    Returns:
        The tracks, and which of the frame's detections each one took.
    """
    ids = seen[TRACK_ID]
    if 0.0 in ids.tolist():
        (rows,) = ids.nonzero()
        ids, xyxy, columns = ids.take(rows), xyxy.take(rows, axis=1), columns.take(rows)
    tracks = Detections(
        xyxy.T.astype(np.float32, order="C"),
        found.scores.take(columns),
        found.class_ids.take(columns),
        ids.astype(np.int64),
        None if found.masks is None else found.masks[columns],
        None if found.keypoints is None else found.keypoints[columns],
    )
    return tracks, found.rows.take(columns)


def filters_of(table: Floats) -> Floats:
    """View the filters of a table (F, N) as (5, 4, N)."""
    return table[FILTERS].reshape(5, 4, -1)


def forbid_other_classes(
    allowed: npt.NDArray[np.bool_], class_ids: Floats, other: npt.NDArray[np.int64]
) -> None:
    """Take from the allowed pairs (N, M) those of two classes, in place.

    Args:
        allowed: which tracks and detections may match.
        class_ids: (N,) of the tracks.
        other: (M,) of the detections.
    """
    if len({*class_ids.tolist(), *other.tolist()}) > 1:
        allowed &= class_ids[:, None] == other


def unmatched(count: int, matched: Indices) -> Indices:
    """List which of `count` numbers from 0 are not among the matched ones, rising."""
    free = np.ones(count, dtype=bool)
    free[matched] = False
    return free.nonzero()[0]
