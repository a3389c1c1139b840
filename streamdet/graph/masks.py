"""Checks that sinks of masks get any."""

from __future__ import annotations

from collections.abc import Iterable

from streamdet.graph.pipeline import Node, PipelineGraph
from streamdet.graph.problems import Problems
from streamdet.registry import WITH_MASKS, load, package_of


def check_mask_sinks(graph: PipelineGraph, problems: Problems) -> None:
    """Report sinks of tracked masks that would never write any."""
    for node in graph.nodes_of_role("sink"):
        if getattr(load("sink", node.kind), "needs_masks", False):
            before = (n for n in graph.nodes.values() if node in graph.downstream(n.name))
            if lack := lack_of_masks(before):
                problems.add(("nodes", node.name, "reads"), f"{lack}: {node.kind} writes nothing")


def lack_of_masks(nodes: Iterable[Node]) -> str:
    """Say what tracked masks lack where these nodes make them; "" for nothing."""
    nodes = list(nodes)
    if not any(node.role == "tracker" for node in nodes):
        return "must lead to a tracker"
    detectors = [node for node in nodes if node.role == "detector"]
    if any(map(_may_have_masks, detectors)):
        return ""
    models = (repr(node.model.name) for node in detectors if node.model is not None)
    return f"must lead to a model with masks, such as mask_rcnn, not only {', '.join(models)}"


def _may_have_masks(node: Node) -> bool:
    if package_of("detector", node.kind) != "streamdet":
        return True
    network = (None if node.model is None else node.model.network) or {}
    return node.kind in WITH_MASKS and bool(network.get("has_masks", True))
