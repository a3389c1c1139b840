"""Tries the live sources of a graph, before anybody runs it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final

from streamdet.errors import SourceError
from streamdet.graph import Node, PipelineGraph
from streamdet.registry import load
from streamdet.sources.resolve import SourceItem

_AT_ONCE: Final = 32
"""Each waits for its camera, up to `open_timeout_s`."""


def silent_cameras(graph: PipelineGraph) -> Iterator[str]:
    """Say in a sentence of each live source that cannot be opened now why that is so."""
    cameras = [(n, item) for n in graph.nodes_of_role("source") if n.is_live for item in n.items]
    if not cameras:
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from filter(None, pool.map(_problem, cameras))


def _problem(camera: tuple[Node, SourceItem]) -> str | None:
    node, item = camera
    try:
        with closing(load("source", node.kind)(item.uri, node.options).connect()):
            return None
    except SourceError as exc:
        return f"{item.source_id}: {exc}; a run would try again and again"
