"""Checks analytics against the rest of the graph: sources and classes, and who wants events."""

from __future__ import annotations

from streamdet.analytics.options import AnalyticsOptions, Surroundings
from streamdet.graph.pipeline import Node, PipelineGraph
from streamdet.graph.problems import Problems
from streamdet.registry import KINDS, load


def check_analytics(graph: PipelineGraph, problems: Problems) -> None:
    """Report sources and classes that a node names and never gets."""
    for node in graph.nodes_of_role("analytics"):
        if isinstance(node.options, AnalyticsOptions):
            for keys, predicate in node.options.faults(_surroundings(graph, node)):
                problems.add(("nodes", node.name, *keys), predicate)


def check_vectors(graph: PipelineGraph, problems: Problems) -> None:
    """Report trackers with a network of their own that get vectors already."""
    for node in graph.nodes_of_role("tracker"):
        embeds = [name for name in node.reads if graph.nodes[name].kind == "embed"]
        if embeds and getattr(node.options, "embed_model", None) is not None:
            problems.add(
                ("nodes", node.name, "embed_model"),
                f"must be left out: the vectors of {embeds[0]!r} are used",
            )


def _surroundings(graph: PipelineGraph, node: Node) -> Surroundings:
    before = [each for each in graph.nodes.values() if node in graph.downstream(each.name)]
    classes = (name for each in before if each.model is not None for name in each.model.classes)
    zones = (
        name
        for each in before
        if isinstance(each.options, AnalyticsOptions)
        for name in each.options.zone_names()
    )
    sources = graph.sources_reaching(node.name)
    return Surroundings(sources, tuple(dict.fromkeys(classes)), tuple(zones))


def check_event_sinks(graph: PipelineGraph, problems: Problems) -> None:
    """Report sinks of events that no event can reach."""
    noticing = graph.nodes_of_role("analytics")
    for node in graph.nodes_of_role("sink"):
        needs_events = getattr(load("sink", node.kind), "needs_events", False)
        if needs_events and not any(node in graph.downstream(each.name) for each in noticing):
            problems.add(
                ("nodes", node.name, "reads"),
                f"brings no events from {', '.join(node.reads)}: {node.kind} must read analytics,"
                f" such as {', '.join(KINDS['analytics'])}; the graph `zones` has some",
            )
