"""Which classes a graph looks for."""

from __future__ import annotations

from streamdet.detectors.parts.options import DetectorOptions
from streamdet.graph.pipeline import PipelineGraph


def sought(graph: PipelineGraph) -> set[str]:
    """Name the classes that a graph's detectors look for."""
    names: set[str] = set()
    for node in graph.nodes_of_role("detector"):
        assert node.model is not None
        assert isinstance(node.options, DetectorOptions)
        names |= set(node.options.classes or node.model.classes)
    return names
