"""Draws a graph as an SVG image: frames go from left to right, a process is a box."""

from __future__ import annotations

from html import escape
from typing import Final

from streamdet.graph.layout import Cell, cells
from streamdet.graph.mermaid import caption
from streamdet.graph.pipeline import Node, PipelineGraph, ProcessGroup

_NODE_HEIGHT: Final = 54
_GAP_X: Final = 72
_GAP_Y: Final = 54
_MARGIN: Final = 36
_TITLE: Final = 34
_PAD: Final = 14
_LABEL: Final = 18
_LETTER: Final = 8.4
"""Widest average letter of the font at its size, pixels."""
_MAX_LETTERS: Final = 30

_COLOURS: Final = {
    "source": "#2f7ed8",
    "transform": "#8a63d2",
    "detector": "#d9822b",
    "tracker": "#2a9d6f",
    "analytics": "#b8860b",
    "sink": "#5c6b7a",
}


def to_svg(graph: PipelineGraph) -> str:
    """Draw a graph; the text is a whole SVG file."""
    drawing = _Drawing(graph)
    nodes = graph.nodes
    parts = [
        drawing.head(),
        *(drawing.group(group) for group in graph.groups if len(group.nodes) > 1),
        *(drawing.arrow(nodes[read], node) for node in nodes.values() for read in node.reads),
        *map(drawing.node, nodes.values()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Drawing:
    """Turns cells into pixels."""

    def __init__(self, graph: PipelineGraph) -> None:
        self._name = graph.name
        self._cells = cells(graph)
        texts = [text for node in graph.nodes.values() for text in (node.name, caption(node))]
        self._width = 28 + _LETTER * min(_MAX_LETTERS, max(map(len, texts)))

    def head(self) -> str:
        columns = 1 + max(column for column, _ in self._cells.values())
        rows = 1 + max(row for _, row in self._cells.values())
        width = 2 * _MARGIN + columns * self._width + (columns - 1) * _GAP_X
        height = 2 * _MARGIN + _TITLE + rows * _NODE_HEIGHT + (rows - 1) * _GAP_Y
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
            f'viewBox="0 0 {width:g} {height:g}" font-family="Helvetica, Arial, sans-serif">\n'
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#7b8794"/></marker>'
            "</defs>\n"
            f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>\n'
            f'<text x="{_MARGIN - _PAD}" y="{_MARGIN - 8}" font-size="16" font-weight="bold" '
            f'fill="#1f2933">{escape(self._name)}</text>'
        )

    def node(self, node: Node) -> str:
        x, y = self._corner(self._cells[node.name])
        colour = _COLOURS[node.role]
        return (
            f"<g><title>{escape(f'{node.name} ({node.role}): {caption(node)}')}</title>"
            f'<rect x="{x:g}" y="{y:g}" width="{self._width:g}" height="{_NODE_HEIGHT}" rx="6" '
            f'fill="#ffffff" stroke="{colour}" stroke-width="1.5"/>'
            f'<rect x="{x:g}" y="{y:g}" width="6" height="{_NODE_HEIGHT}" rx="3" fill="{colour}"/>'
            f'<text x="{x + 18:g}" y="{y + 23:g}" font-size="14" font-weight="bold" '
            f'fill="#1f2933">{_short(node.name)}</text>'
            f'<text x="{x + 18:g}" y="{y + 41:g}" font-size="12" fill="#52606d">'
            f"{_short(caption(node))}</text></g>"
        )

    def arrow(self, start: Node, end: Node) -> str:
        """Curve to the reader's row in the first gap, then go straight."""
        x0, y0 = self._corner(self._cells[start.name])
        x1, y1 = self._corner(self._cells[end.name])
        x0, y0, y1 = x0 + self._width, y0 + _NODE_HEIGHT / 2, y1 + _NODE_HEIGHT / 2
        middle, bend = x0 + _GAP_X / 2, x0 + _GAP_X
        return (
            f'<path d="M{x0:g} {y0:g}C{middle:g} {y0:g} {middle:g} {y1:g} {bend - 10:g} {y1:g}'
            f'L{x1 - 2:g} {y1:g}" fill="none" stroke="#7b8794" stroke-width="1.5" '
            'marker-end="url(#tip)"/>'
        )

    def group(self, group: ProcessGroup) -> str:
        corners = [self._corner(self._cells[node.name]) for node in group.nodes]
        left, top = min(x for x, _ in corners) - _PAD, min(y for _, y in corners) - _PAD - _LABEL
        right = max(x for x, _ in corners) + self._width + _PAD
        bottom = max(y for _, y in corners) + _NODE_HEIGHT + _PAD
        return (
            f'<rect x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}" '
            'rx="10" fill="#f5f7fa" stroke="#cbd2d9" stroke-dasharray="5 4"/>'
            f'<text x="{left + _PAD:g}" y="{top + 19:g}" font-size="12" fill="#52606d">'
            f"process {escape(group.name)}</text>"
        )

    def _corner(self, cell: Cell) -> tuple[float, float]:
        column, row = cell
        x = _MARGIN + column * (self._width + _GAP_X)
        return x, _MARGIN + _TITLE + row * (_NODE_HEIGHT + _GAP_Y)


def _short(text: str) -> str:
    return escape(text if len(text) <= _MAX_LETTERS else f"{text[: _MAX_LETTERS - 1]}…")
