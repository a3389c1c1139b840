"""Exact matching of tracks (rows) and detections (columns): the largest total gain.

Few pairs overlap, so only those are looked at. A pair that shares neither its row nor its column
with another one is matched; in half of the frames these are all. For the others there are shortest
augmenting paths (Jonker & Volgenant 1987, without their initialisation), which never leave the
group of tracks and detections that compete with each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]


def assign(
    gain: npt.NDArray[np.float64], allowed: npt.NDArray[np.bool_] | None = None
) -> tuple[Indices, Indices]:
    """Match rows and columns one to one so that the sum of the gains is as large as possible.

    Args:
        gain: (N, M), finite, above 0 where a match is allowed.
        allowed: (N, M), which pairs may be matched; by default those whose gain is above 0.

    Returns:
        Matched rows, rising, and their columns. Ties: the same input gives the same answer.
    """
    rows, columns = (gain > 0.0 if allowed is None else allowed).nonzero()
    if is_one_to_one(rows, columns):
        return rows, columns
    return assign_pairs(rows, columns, gain[rows, columns])


def is_one_to_one(rows: Indices, columns: Indices) -> bool:
    """Say whether no row and no column is in two of K pairs."""
    count = len(rows)
    return len(set(rows.tolist())) == count and len(set(columns.tolist())) == count


def assign_pairs(
    rows: Indices, columns: Indices, gain: npt.NDArray[np.float64]
) -> tuple[Indices, Indices]:
    """Choose among pairs so that no row and no column is in two: the largest total gain.

    Args:
        rows: (K,) rising.
        columns: (K,) rising for each row.
        gain: (K,) of the pairs; a pair whose gain is 0 or less is never chosen.

    Returns:
        As `assign`.
    """
    pairs = rows.tolist(), columns.tolist()
    wanted_rows, wanted_columns = map(_repeated, pairs)
    column_of: dict[int, int] = {}
    gains: dict[int, dict[int, float]] = {}
    for row, column, value in zip(*pairs, gain.tolist(), strict=True):
        if value > 0.0:
            if row in wanted_rows or column in wanted_columns:
                gains.setdefault(row, {})[column] = value
            else:
                column_of[row] = column
    column_of |= _Matching(gains).column_of
    matched = sorted(column_of)
    return np.array(matched, np.intp), np.array([column_of[row] for row in matched], np.intp)


def _repeated(numbers: Iterable[int]) -> set[int]:
    """Pick those that occur twice or more often."""
    once: set[int] = set()
    again: set[int] = set()
    for number in numbers:
        (again if number in once else once).add(number)
    return again


class _Matching:
    """The best matching of the rows that were added so far.

    The cost of a pair is -gain, that of leaving a row alone 0. No pair costs less than the prices
    of its row and its column together, and a matched pair costs exactly that.
    """

    def __init__(self, gains: dict[int, dict[int, float]]) -> None:
        """Match rows; `gains` are those of each row's columns, both rising."""
        self._gains = gains
        self._row_price: dict[int, float] = {}
        self._column_price: dict[int, float] = {}
        self._row_of: dict[int, int] = {}
        self.column_of: dict[int, int] = {}
        for row, of_columns in gains.items():
            best = max(of_columns, key=of_columns.__getitem__)
            self._row_price[row] = -of_columns[best]
            self._add(row, best)

    def _add(self, row: int, best_column: int) -> None:
        """Match one more row, moving others where that costs least."""
        rival = self._row_of.get(best_column)
        if rival is None:
            self._row_of[best_column], self.column_of[row] = row, best_column
        elif len(self._gains[row]) == len(self._gains[rival]) == 1:
            self._give_to_better(best_column, row, rival)
        else:
            self._augment(row)

    def _give_to_better(self, column: int, row: int, owner: int) -> None:
        """Do what `_augment` does where neither row may have another column."""
        gain, owner_gain = self._gains[row][column], self._gains[owner][column]
        winner, loser = (row, owner) if gain > owner_gain else (owner, row)
        self.column_of.pop(owner)
        self._row_of[column], self.column_of[winner] = winner, column
        price = min(self._column_price.get(column, 0.0), -self._gains[loser][column])
        self._column_price[column] = price
        self._row_price[loser], self._row_price[winner] = 0.0, -self._gains[winner][column] - price

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
            if column not in self._row_of:
                end, total = column, travelled
                continue
            row = self._row_of[column]
            reached[row] = travelled
            if travelled - self._row_price[row] < total:
                leave_alone, total = row, travelled - self._row_price[row]
        self._reprice(total, reached, settled)
        if end < 0:
            end = self.column_of.pop(leave_alone, -1)
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
        row_price, column_price = self._row_price[row], self._column_price
        for column, gain in self._gains[row].items():
            if column not in settled:
                through = travelled - gain - row_price - column_price.get(column, 0.0)
                if through < distance.get(column, inf):
                    distance[column], came_from[column] = through, row

    def _reprice(self, total: float, reached: dict[int, float], settled: dict[int, float]) -> None:
        """Make every pair on the way cost exactly its prices."""
        for row, travelled in reached.items():
            self._row_price[row] += total - travelled
        for column, travelled in settled.items():
            price = self._column_price.get(column, 0.0)
            self._column_price[column] = price - (total - travelled)

    def _hand_over(self, column: int, came_from: dict[int, int]) -> None:
        """Give each column, from the path's end back to its start, to the row that came to it."""
        while column >= 0:
            row = came_from[column]
            self._row_of[column] = row
            freed = self.column_of.get(row, -1)
            self.column_of[row], column = column, freed
