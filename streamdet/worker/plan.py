"""What each process of a run is told: the graph and the deploy settings, worked out per worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from streamdet.graph.pipeline import Node, PipelineGraph, ProcessGroup
from streamdet.sources.resolve import SourceItem
from streamdet.transport.bus import GroupLayout, RunLayout
from streamdet.transport.pool import PoolPlan
from streamdet.worker.staleness import longest_waits_ns

ORDERED_ROLES = frozenset({"tracker", "analytics", "sink"})
"""Roles that need each source's frames in index order."""


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node as its worker sees it.

    Attributes:
        node: the checked node.
        parent: the node of the same group that it reads; None for the group's first.
        outputs: the other groups that read its results.
        slot_readers: how many other groups read the images it makes; 0: they need no slot.
    """

    node: Node
    parent: str | None
    outputs: tuple[str, ...]
    slot_readers: int


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What all workers of a run share.

    Attributes:
        layout: groups and pools, as the bus sees them.
        redis_url: the server's address, with its password: never shown.
        folder: the run's folder.
        pools: pool name -> pool.
        source_names: source id -> address, as it may be shown.
        class_names: model name -> class names.
        max_in_flight: frames of a source under way above which it pauses.
        events: key of the public stream for what happens to cameras.
    """

    layout: RunLayout
    redis_url: str
    folder: Path
    pools: Mapping[str, PoolPlan]
    source_names: Mapping[str, str]
    class_names: Mapping[str, tuple[str, ...]]
    max_in_flight: int
    events: str = "events"


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What one worker is told.

    Attributes:
        run: what all workers share.
        number: its place among the run's workers.
        group: name of its group.
        consumer: its fixed name, <group>-<replica>.
        nodes: the group's nodes, each behind the one it reads.
        batch: entries read at once, at most.
        max_wait_s: how long a read waits for a fuller batch.
        is_ordered: whether it must commit each source's frames in index order.
        items: what it may read, if its first node is a source: each item is read by the worker of
            the group that claims it first.
        source_ids: the sources whose frames reach it.
        reads_pools: the pools of other groups whose slots it reads.
        longest_waits_ns: source id -> a frame that has been under way for longer is dropped.
    """

    run: RunPlan
    number: int
    group: str
    consumer: str
    nodes: tuple[NodePlan, ...]
    batch: int
    max_wait_s: float
    is_ordered: bool
    items: tuple[SourceItem, ...]
    source_ids: tuple[str, ...]
    reads_pools: frozenset[str]
    longest_waits_ns: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_source(self) -> bool:
        """Whether the group's first node is a source."""
        return self.nodes[0].node.role == "source"

    @property
    def is_live(self) -> bool:
        """Whether it is the worker of a camera."""
        return self.nodes[0].node.is_live

    @property
    def own_pools(self) -> tuple[str, ...]:
        """The pools that this worker fills."""
        return tuple(plan.node.name for plan in self.nodes if plan.slot_readers)


def run_layout(graph: PipelineGraph, run_id: str, pools: Mapping[str, PoolPlan]) -> RunLayout:
    """Tell the bus which groups and pools a run has."""
    return RunLayout(
        run_id=run_id,
        groups={group.name: _group_layout(graph, group) for group in graph.groups},
        pools={name: pool.slots for name, pool in pools.items()},
    )


def worker_plans(graph: PipelineGraph, run: RunPlan) -> list[WorkerPlan]:
    """Plan every worker of a run, sources first."""
    plans: list[WorkerPlan] = []
    for group in graph.groups:
        for replica in range(group.replicas):
            plans.append(_worker_plan(graph, run, group, replica, len(plans)))
    return plans


def _worker_plan(
    graph: PipelineGraph, run: RunPlan, group: ProcessGroup, replica: int, number: int
) -> WorkerPlan:
    entry = group.entry
    return WorkerPlan(
        run=run,
        number=number,
        group=group.name,
        consumer=f"{group.name}-{replica}",
        nodes=tuple(_node_plan(graph, group, node) for node in group.nodes),
        batch=_batch(graph, run, group),
        max_wait_s=entry.max_wait_ms / 1000,
        is_ordered=any(node.role in ORDERED_ROLES for node in group.nodes),
        items=entry.items,
        source_ids=graph.sources_reaching(entry.name),
        reads_pools=frozenset(
            maker
            for maker in graph.nodes
            if any(reader.name == group.name for reader in graph.slot_readers(maker))
        ),
        longest_waits_ns=longest_waits_ns(graph, group),
    )


def _batch(graph: PipelineGraph, run: RunPlan, group: ProcessGroup) -> int:
    """The group's batch, but so small that its replicas cannot hold most slots of a pool at once.

    Slots are published, and given back, when the batch is committed: a batch that needs more than
    there are would wait for itself, and one that takes them all keeps the others from working.
    """
    touched = [
        pool
        for maker, pool in run.pools.items()
        if group.name in {graph.nodes[maker].process, *_names(graph.slot_readers(maker))}
    ]
    return min([group.entry.batch, *(max(1, p.slots // (2 * group.replicas)) for p in touched)])


def _names(groups: Iterable[ProcessGroup]) -> set[str]:
    return {group.name for group in groups}


def _node_plan(graph: PipelineGraph, group: ProcessGroup, node: Node) -> NodePlan:
    inside = {member.name for member in group.nodes}
    return NodePlan(
        node=node,
        parent=next((name for name in node.reads if name in inside), None),
        outputs=_reading_groups(graph, node),
        slot_readers=len(graph.slot_readers(node.name)),
    )


def _reading_groups(graph: PipelineGraph, node: Node) -> tuple[str, ...]:
    """The groups, other than its own, that read a node's results."""
    processes = (reader.process for reader in graph.readers(node.name))
    return tuple(dict.fromkeys(name for name in processes if name != node.process))


def _group_layout(graph: PipelineGraph, group: ProcessGroup) -> GroupLayout:
    outputs = [name for node in group.nodes for name in _reading_groups(graph, node)]
    sinks = [node.process for node in graph.downstream(group.entry.name) if node.role == "sink"]
    return GroupLayout(
        outputs=tuple(dict.fromkeys(outputs)),
        has_sink=any(node.role == "sink" for node in group.nodes),
        window_sinks=tuple(dict.fromkeys(sinks)) if group.entry.role == "source" else (),
    )


def class_names(graph: PipelineGraph) -> dict[str, tuple[str, ...]]:
    """Model name -> class names, for every detector of a graph."""
    models = [node.model for node in graph.role("detector") if node.model is not None]
    return {model.name: model.classes for model in models}
