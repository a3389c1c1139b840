"""What `streamdet check` says of zones and lines in pixels: whether they lie in their images."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from streamdet.analytics.options import AnalyticsOptions, Points
from streamdet.analytics.places import outside
from streamdet.graph import Node, PipelineGraph
from streamdet.run.source_probe import PROBE_NODE, probe_alone, probe_path, read_probes

_LIMIT_S: Final = 10.0


def places_outside(graph: PipelineGraph) -> Iterator[str]:
    """Yield a sentence for each place in pixels that does not lie in the images of its source.

    Sources are opened only where there are such places, and never cameras.
    """
    places = list(_in_pixels(graph))
    if not places:
        return
    with tempfile.TemporaryDirectory(prefix="streamdet-") as name:
        folder = Path(name)
        sources = [node for node in graph.nodes_of_role("source") if not node.is_live]
        targets = ((PROBE_NODE, (node, probe_path(folder, node))) for node in sources)
        probe_alone(targets, folder, _LIMIT_S)
        known = read_probes(graph, folder)
    for node, source_id, key, points in places:
        info = known.get(source_id)
        if info is not None and (fault := outside(points, source_id, info.hw)):
            yield f"{node.name}.{key} {fault}"


def _in_pixels(graph: PipelineGraph) -> Iterator[tuple[Node, str, str, Points]]:
    for node in graph.nodes_of_role("analytics"):
        if not isinstance(node.options, AnalyticsOptions):
            continue
        for source_id in graph.sources_reaching(node.name):
            for key, points in node.options.points(source_id).items():
                if max(value for point in points for value in point) > 1:
                    yield node, source_id, key, points
