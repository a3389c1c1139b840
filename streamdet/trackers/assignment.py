"""Exact matching of tracks (rows) and detections (columns): the largest total gain.

When every row's best column is another one, that is the answer; it is so in most frames. Otherwise
shortest augmenting paths over the pairs that may match (Jonker & Volgenant 1987, without their
initialisation), which never leave the group of tracks and detections that compete with each other.
"""

from __future__ import annotations

from math import inf

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]


def assign(gain: npt.NDArray[np.float64]) -> tuple[Indices, Indices]:
    """Match rows and columns one to one so that the sum of the gains is as large as possible.

    Args:
        gain: (N, M), finite; a pair whose gain is 0 or less is never matched.

    Returns:
        Matched rows, rising, and their columns. The same input gives the same answer, ties included.
    """
    if 0 in gain.shape:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    best = gain.argmax(axis=1)
    (rows,) = (gain.max(axis=1) > 0.0).nonzero()
    columns = best.take(rows)
    wanted = columns.tolist()
    if len(set(wanted)) == len(wanted):
        return rows, columns
    matching = _Matching(gain.take(rows, axis=0).tolist(), gain.shape[1])
    for row, column in enumerate(wanted):
        matching.add(row, column)
    pairs = sorted((row, column) for column, row in enumerate(matching.row_of) if row is not None)
    chosen = np.array(pairs, dtype=np.intp)
    return rows[chosen[:, 0]], chosen[:, 1]


class _Matching:
    """The best matching of the rows that were added so far.

    The cost of a pair is -gain, that of leaving a row alone 0. No pair costs less than the prices of
    its row and its column together, and a matched pair costs exactly that.
    """

    def __init__(self, gain: list[list[float]], column_count: int) -> None:
        self._gain = gain
        self._row_price = [-max(values) for values in gain]
        self._column_price = [0.0] * column_count
        self.row_of: list[int | None] = [None] * column_count

    def add(self, row: int, best_column: int) -> None:
        """Match one more row, moving others where that costs least."""
        if self.row_of[best_column] is None and self._column_price[best_column] == 0.0:
            self.row_of[best_column] = row
        else:
            self._augment(row)

    def _augment(self, start: int) -> None:
        """Dijkstra from a row to the nearest free column or to the row that is best left alone."""
        distance: dict[int, float] = {}
        came_from: dict[int, int] = {}
        settled: dict[int, float] = {}
        reached = {start: 0.0}
        row, travelled = start, 0.0
        exit_row, exit_distance = start, inf
        while True:
            if travelled - self._row_price[row] < exit_distance:
                exit_row, exit_distance = row, travelled - self._row_price[row]
            for column, gain in enumerate(self._gain[row]):
                if gain <= 0.0 or column in settled:
                    continue
                through = travelled - gain - self._row_price[row] - self._column_price[column]
                if through < distance.get(column, inf):
                    distance[column], came_from[column] = through, row
            column = min(distance, key=lambda c: (distance[c], c), default=-1)
            if column < 0 or distance[column] >= exit_distance:
                end, total = None, exit_distance
                break
            travelled = settled[column] = distance.pop(column)
            owner = self.row_of[column]
            if owner is None:
                end, total = column, travelled
                break
            row, reached[owner] = owner, travelled
        for row, at in reached.items():
            self._row_price[row] += total - at
        for column, at in settled.items():
            self._column_price[column] -= total - at
        self._flip(start, exit_row, end, came_from)

    def _flip(self, start: int, exit_row: int, end: int | None, came_from: dict[int, int]) -> None:
        """Hand each column of the path to the row that came to it, from the path's end to `start`."""
        if end is None:
            if exit_row == start:
                return
            end = self.row_of.index(exit_row)
        column = end
        while True:
            row = came_from[column]
            before = self.row_of.index(row) if row in self.row_of else -1
            self.row_of[column] = row
            if row == start:
                return
            column = before
