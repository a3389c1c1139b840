"""Checks what nodes of analytics name against the rest of the graph: sources and classes."""

from __future__ import annotations

from streamdet.analytics.options import AnalyticsOptions, Surroundings
from streamdet.graph.pipeline import PipelineGraph
from streamdet.graph.problems import Problems


def check_analytics(graph: PipelineGraph, problems: Problems) -> None:
    """Report sources and classes that a node names and never gets."""
    for node in graph.nodes_of_role("analytics"):
        if not isinstance(node.options, AnalyticsOptions):
            continue
        detectors = [
            each for each in graph.nodes_of_role("detector") if node in graph.downstream(each.name)
        ]
        names = [name for each in detectors if each.model for name in each.model.classes]
        around = Surroundings(graph.sources_reaching(node.name), tuple(dict.fromkeys(names)))
        for keys, predicate in node.options.faults(around):
            problems.add(("nodes", node.name, *keys), predicate)
