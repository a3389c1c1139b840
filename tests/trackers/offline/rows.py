"""Rows of objects for the tests of finished tracks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamdet.trackers.offline.track_rows import TrackRows

Row = tuple[int, int, float, float]
"""Frame, track id, x of the left edge of a box of 40 x 80, score."""


def rows_of(rows: Sequence[Row]) -> TrackRows:
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    frames, ids, x = (np.array(column) for column in columns[:3])
    zero = np.zeros(len(rows))
    return TrackRows(
        frames.astype(np.int64),
        ids.astype(np.int64),
        np.column_stack((x, zero, x + 40, zero + 80)).astype(np.float32).reshape(-1, 4),
        np.array(columns[3], np.float32),
        np.zeros(len(rows), np.int64),
    )
