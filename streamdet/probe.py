"""Looks at the sources' headers before a run: how large frames are, and how many there will be.

What cannot be opened is left out here; its source worker will say why.
"""

from __future__ import annotations

import json
from pathlib import Path

from streamdet.errors import SourceError
from streamdet.graph import Node, PipelineGraph
from streamdet.registry import load
from streamdet.sources import Source, SourceInfo


def probe_node(node: Node, path: Path) -> int:
    """Write what is known of each of a source node's items to a file, a JSON line each."""
    with path.open("w") as lines:
        for item in node.items:
            source: Source = load("source", node.kind)(item.uri, node.options)
            try:
                info = source.probe()
            except SourceError:
                continue
            lines.write(json.dumps([item.source_id, info.hw, info.frame_count]) + "\n")
            lines.flush()
    return 0


def read_probes(graph: PipelineGraph, folder: Path) -> dict[str, SourceInfo]:
    """Read what the probes have written: source id -> info, for those that could be opened."""
    infos = {}
    for node in graph.role("source"):
        path = probe_path(folder, node)
        for line in path.read_text().splitlines() if path.exists() else ():
            source_id, hw, frame_count = json.loads(line)
            infos[source_id] = SourceInfo(tuple(hw), frame_count)
    return infos


def probe_path(folder: Path, node: Node) -> Path:
    """Where the probe of a node writes."""
    return folder / f"{node.name}.probe"
