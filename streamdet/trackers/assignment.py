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
        Matched rows, rising, and their columns. Ties: the same input gives the same answer.
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
    chosen = np.array(matching.column_of, dtype=np.intp)
    is_matched = chosen >= 0
    return rows[is_matched], chosen[is_matched]


class _Matching:
    """The best matching of the rows that were added so far; -1 stands for "none".

    The cost of a pair is -gain, that of leaving a row alone 0. No pair costs less than the prices
    of its row and its column together, and a matched pair costs exactly that.
    """

    def __init__(self, gain: list[list[float]], column_count: int) -> None:
        self._gain = gain
        self._row_price = [-max(values) for values in gain]
        self._column_price = [0.0] * column_count
        self._row_of = [-1] * column_count
        self.column_of = [-1] * len(gain)

    def add(self, row: int, best_column: int) -> None:
        """Match one more row, moving others where that costs least."""
        if self._row_of[best_column] < 0:
            self._row_of[best_column], self.column_of[row] = row, best_column
        else:
            self._augment(row)

    def _augment(self, start: int) -> None:
        """Dijkstra from a row to the nearest free column, or to the row that is best left alone."""
        distance: dict[int, float] = {}
        came_from: dict[int, int] = {}
        settled: dict[int, float] = {}
        reached = {start: 0.0}
        row = leave_alone = start
        end, total = -1, -self._row_price[start]
        while end < 0:
            self._relax(row, reached[row], distance, came_from, settled)
            column = min(distance, key=lambda c: (distance[c], c), default=-1)
            if column < 0 or distance[column] >= total:
                break
            travelled = settled[column] = distance.pop(column)
            row = self._row_of[column]
            if row < 0:
                end, total = column, travelled
                continue
            reached[row] = travelled
            if travelled - self._row_price[row] < total:
                leave_alone, total = row, travelled - self._row_price[row]
        self._reprice(total, reached, settled)
        if end < 0:
            end, self.column_of[leave_alone] = self.column_of[leave_alone], -1
        self._hand_over(end, came_from)

    def _relax(
        self,
        row: int,
        travelled: float,
        distance: dict[int, float],
        came_from: dict[int, int],
        settled: dict[int, float],
    ) -> None:
        """Shorten the ways to the columns that a row may have."""
        for column, gain in enumerate(self._gain[row]):
            if gain > 0.0 and column not in settled:
                through = travelled - gain - self._row_price[row] - self._column_price[column]
                if through < distance.get(column, inf):
                    distance[column], came_from[column] = through, row

    def _reprice(self, total: float, reached: dict[int, float], settled: dict[int, float]) -> None:
        """Make every pair on the way cost exactly its prices."""
        for row, travelled in reached.items():
            self._row_price[row] += total - travelled
        for column, travelled in settled.items():
            self._column_price[column] -= total - travelled

    def _hand_over(self, column: int, came_from: dict[int, int]) -> None:
        """Give each column, from the path's end back to its start, to the row that came to it."""
        while column >= 0:
            row = came_from[column]
            self._row_of[column] = row
            column, self.column_of[row] = self.column_of[row], column
