"""Which cameras of a run share a detector: see transport/turns.py."""

from __future__ import annotations

from collections.abc import Mapping

from streamdet.graph.pipeline import PipelineGraph
from streamdet.transport.pool import PoolPlan
from streamdet.transport.turns import MANY_SLOTS, Share


def share_of(graph: PipelineGraph, group: str, pools: Mapping[str, PoolPlan]) -> Share:
    """Find what the cameras of a source's group share, with those of other groups or among them.

    Groups whose frames reach one detector share it, and so do those that share with them.

    Args:
        graph: the graph.
        group: of the source.
        pools: of the run.
    """
    wanted = _wanted(graph)
    members = {group}
    while more := {name for name in wanted if _meet(wanted, name, members)} - members:
        members |= more
    slots = [pool.slots for name, pool in pools.items() if graph.nodes[name].process in members]
    replicas = {each.name: each.replicas for each in graph.groups}
    detecting = set().union(*(wanted[name] for name in members))
    return Share(
        min(members), min(slots, default=MANY_SLOTS), 1 + sum(replicas[each] for each in detecting)
    )


def _wanted(graph: PipelineGraph) -> dict[str, set[str]]:
    """Map each source's group to the other processes in which its frames are detected."""
    found: dict[str, set[str]] = {}
    for source in graph.nodes_of_role("source"):
        readers = graph.downstream(source.name)
        detecting = {node.process for node in readers if node.role == "detector"}
        found.setdefault(source.process, set()).update(detecting - {source.process})
    return found


def _meet(wanted: Mapping[str, set[str]], name: str, members: set[str]) -> bool:
    return any(wanted[name] & wanted[member] for member in members)
