"""Places a graph's nodes for drawing: a grid of columns (from left to right) and rows.

A node's column is its longest distance from the sources. Each process is one block of the grid,
with no other node in it; a line to a block runs along its first row, which is kept free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streamdet.graph.pipeline import PipelineGraph, ProcessGroup

Cell = tuple[int, int]
"""(column, row), from the top left, which is (0, 0)."""


def cells(graph: PipelineGraph) -> dict[str, Cell]:
    """Give each node a cell of its own."""
    columns = _columns(graph)
    placed: dict[str, Cell] = {}
    taken: set[Cell] = set()
    for group in graph.groups:
        inner = _inner_rows(group, columns)
        start = _way_start(group.first.reads, columns, columns[group.first.name])
        shape = {(columns[name], row) for name, row in inner.items()}
        box = _filled(shape) | {(column, 0) for column in range(start, columns[group.first.name])}
        top = _free_row(box, taken, _preferred(group.first.reads, placed))
        taken |= {(column, row + top) for column, row in box}
        placed |= {name: (columns[name], row + top) for name, row in inner.items()}
    return placed


def _columns(graph: PipelineGraph) -> dict[str, int]:
    columns: dict[str, int] = {}
    for node in graph.nodes.values():
        columns[node.name] = 1 + max((columns[name] for name in node.reads), default=-1)
    return columns


def _inner_rows(group: ProcessGroup, columns: Mapping[str, int]) -> dict[str, int]:
    """Give the nodes of a process rows, counted from the process's first row."""
    rows: dict[str, int] = {}
    taken: set[Cell] = set()
    for node in group.nodes:
        reads = [name for name in node.reads if name in rows]
        start = _way_start(reads, columns, columns[node.name])
        way = {(column, 0) for column in range(start, columns[node.name] + 1)}
        row = _free_row(way, taken, rows[reads[0]] if reads else 0)
        taken |= {(column, row) for column, _ in way}
        rows[node.name] = row
    return rows


def _way_start(reads: Sequence[str], columns: Mapping[str, int], column: int) -> int:
    """Return the first column that the lines to a node cross, or its own."""
    return min((columns[name] + 1 for name in reads), default=column)


def _filled(shape: set[Cell]) -> set[Cell]:
    columns = [column for column, _ in shape]
    height = 1 + max(row for _, row in shape)
    return {(c, row) for c in range(min(columns), max(columns) + 1) for row in range(height)}


def _preferred(reads: Iterable[str], placed: Mapping[str, Cell]) -> int:
    return min((placed[name][1] for name in reads), default=0)


def _free_row(box: set[Cell], taken: set[Cell], preferred: int) -> int:
    """Find the first free row for a box, from the preferred one on."""
    row = preferred
    while any((column, inner + row) in taken for column, inner in box):
        row += 1
    return row
