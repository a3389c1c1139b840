"""Plans each process of a run from the graph and the deploy settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streamdet.analytics.options import AnalyticsOptions
from streamdet.config.source_settings import SourceSettings
from streamdet.events import EventPlace
from streamdet.graph.pipeline import (
    ORDERED_ROLES,
    Node,
    PipelineGraph,
    ProcessGroup,
    needs_packets,
)
from streamdet.sources.resolve import SourceItem
from streamdet.system.networks import Networks
from streamdet.transport.bus import GroupLayout, RunLayout
from streamdet.transport.packet_ring import RING_BYTES, RingPlan, ring_folder
from streamdet.transport.pool import PoolPlan
from streamdet.transport.turns import Share
from streamdet.worker.pool_plans import holders
from streamdet.worker.shares import share_of
from streamdet.worker.staleness import longest_waits_ns

RING_MARGIN_S: Final = 10.0
"""Frames come to a sink so much later than their packets at most: what waits for a detector is
dropped after max_staleness_ms, and a sink that was killed is back after seconds."""


@dataclass(frozen=True, slots=True)
class NodePlan:
    """A node as its worker sees it.

    Attributes:
        node: the checked node.
        parent: the node of the same group that it reads; None for the group's first.
        outputs: the other groups that read its results.
        slot_readers: how many other groups read its images; 0: they need no slot.
        places: of a sink, what the events that reach it may name.
    """

    node: Node
    parent: str | None
    outputs: tuple[str, ...]
    slot_readers: int
    places: tuple[EventPlace, ...] = ()


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What all workers of a run share.

    Attributes:
        layout: groups and pools for the bus.
        redis_url: the server's address, with its password: never shown.
        folder: the run's folder.
        pools: pool name -> pool.
        source_names: source id -> address without secrets.
        class_names: model name -> class names.
        max_in_flight: frames in flight above which a source pauses.
        events: key of the public stream of events.
        dead_letters: key of the public stream of frames that were given up.
        read_attempts: a file on which its worker ends so often, without a frame in between, is
            given up; 0: never, the run fails.
        live_sources: ids of the live sources.
        rings: where their last encoded packets are kept; None where no sink wants them.
        sources: what sources may read, and how much.
        is_shared: whether others than this machine's users may add cameras.
    """

    layout: RunLayout
    redis_url: str
    folder: Path
    pools: Mapping[str, PoolPlan]
    source_names: Mapping[str, str]
    class_names: Mapping[str, tuple[str, ...]]
    max_in_flight: int
    events: str
    dead_letters: str = "dead-letters"
    read_attempts: int = 0
    live_sources: frozenset[str] = frozenset()
    rings: RingPlan | None = None
    sources: SourceSettings = field(default_factory=SourceSettings)
    is_shared: bool = False

    def networks(self, item: SourceItem) -> Networks:
        """Where a camera may be."""
        return self.sources.networks(is_stated=item.is_stated, is_shared=self.is_shared)


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """The plan of one worker.

    Attributes:
        run: what all workers share.
        number: its index among the run's workers.
        group: name of its group.
        consumer: its name, <group>-<replica>, or <group>.<camera> for that of a camera.
        nodes: the group's nodes, each after the one it reads.
        batch: entries read at once, at most.
        max_wait_s: longest wait of a read for a full batch.
        is_ordered: whether it must commit each source's frames in index order.
        items: if its first node is a source, the items that it may read: the first worker of the
            group that claims an item reads it. The worker of a camera has only that.
        source_ids: the sources whose frames reach it, as of the run's start.
        live_nodes: the nodes of live sources whose frames reach it.
        reads_pools: the pools of other groups whose slots it reads.
        longest_waits_ns: source id -> a frame that has been under way for longer is dropped.
        share: what a camera shares with others.
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
    live_nodes: frozenset[str] = frozenset()
    longest_waits_ns: Mapping[str, int] = field(default_factory=dict)
    share: Share = field(default_factory=Share)

    @property
    def is_source(self) -> bool:
        """Whether the group's first node is a source."""
        return self.nodes[0].node.role == "source"

    @property
    def drops_late(self) -> bool:
        """Whether it drops frames that have been under way for too long: what detects does."""
        return any(plan.node.role == "detector" for plan in self.nodes)

    @property
    def is_live(self) -> bool:
        """Whether it is the worker of a camera."""
        return self.nodes[0].node.is_live

    @property
    def own_pools(self) -> tuple[str, ...]:
        """The pools that this worker fills."""
        return tuple(plan.node.name for plan in self.nodes if plan.slot_readers)


def run_layout(graph: PipelineGraph, run_id: str, pools: Mapping[str, PoolPlan]) -> RunLayout:
    """Make the layout of a run's groups and pools for the bus."""
    return RunLayout(
        run_id=run_id,
        groups={group.name: _group_layout(graph, group) for group in graph.groups},
        pools={name: pool.slots for name, pool in pools.items()},
    )


def worker_plans(graph: PipelineGraph, run: RunPlan) -> list[WorkerPlan]:
    """Plan every worker of a run, sources first."""
    named = [
        (group, consumer, items)
        for group in graph.groups
        for consumer, items in _consumers(group).items()
    ]
    return [
        _worker_plan(graph, run, group, consumer, items, number)
        for number, (group, consumer, items) in enumerate(named)
    ]


def camera_consumer(group: str, source_id: str) -> str:
    """Name the worker of a camera; no name of a group holds a dot."""
    return f"{group}.{source_id}"


def _consumers(group: ProcessGroup) -> dict[str, tuple[SourceItem, ...]]:
    """Map each worker of a group to the items that it may read."""
    items = group.first.items
    if group.first.is_live:
        return {camera_consumer(group.name, item.source_id): (item,) for item in items}
    return {f"{group.name}-{replica}": items for replica in range(group.replicas)}


def _worker_plan(
    graph: PipelineGraph,
    run: RunPlan,
    group: ProcessGroup,
    consumer: str,
    items: tuple[SourceItem, ...],
    number: int,
) -> WorkerPlan:
    entry = group.first
    near = graph.sources_near(entry.name)
    return WorkerPlan(
        run=run,
        number=number,
        group=group.name,
        consumer=consumer,
        nodes=tuple(_node_plan(graph, group, node) for node in group.nodes),
        batch=_batch(graph, run, group),
        max_wait_s=entry.max_wait_ms / 1000,
        is_ordered=any(node.role in ORDERED_ROLES for node in group.nodes),
        items=items,
        source_ids=graph.sources_reaching(entry.name),
        live_nodes=frozenset(node.name for node in near if node.is_live),
        reads_pools=frozenset(
            maker
            for maker in graph.nodes
            if any(reader.name == group.name for reader in graph.slot_readers(maker))
        ),
        longest_waits_ns=longest_waits_ns(graph, group),
        share=share_of(graph, group.name, run.pools) if entry.is_live else Share(),
    )


def _batch(graph: PipelineGraph, run: RunPlan, group: ProcessGroup) -> int:
    """The group's batch, limited so that its replicas cannot hold more than half of a pool's slots.

    Slots are published and returned when the batch is committed: a batch that needs more slots
    than the pool has would wait for ever, and one that takes all of them stops the other workers.
    """
    touched = [
        pool
        for maker, pool in run.pools.items()
        if group.name in {graph.nodes[maker].process, *_names(graph.slot_readers(maker))}
    ]
    return min([group.first.batch, *(max(1, p.slots // (2 * holders(group))) for p in touched)])


def _names(groups: Iterable[ProcessGroup]) -> set[str]:
    return {group.name for group in groups}


def _node_plan(graph: PipelineGraph, group: ProcessGroup, node: Node) -> NodePlan:
    inside = {member.name for member in group.nodes}
    return NodePlan(
        node=node,
        parent=next((name for name in node.reads if name in inside), None),
        outputs=_reading_groups(graph, node),
        slot_readers=len(graph.slot_readers(node.name)),
        places=tuple(_places_before(graph, node)) if node.role == "sink" else (),
    )


def _places_before(graph: PipelineGraph, sink: Node) -> Iterator[EventPlace]:
    for node in graph.nodes_of_role("analytics"):
        if isinstance(node.options, AnalyticsOptions) and sink in graph.downstream(node.name):
            yield from node.options.event_places()


def _reading_groups(graph: PipelineGraph, node: Node) -> tuple[str, ...]:
    """The groups, other than its own, that read a node's results."""
    processes = (reader.process for reader in graph.readers(node.name))
    return tuple(dict.fromkeys(name for name in processes if name != node.process))


def _group_layout(graph: PipelineGraph, group: ProcessGroup) -> GroupLayout:
    outputs = [name for node in group.nodes for name in _reading_groups(graph, node)]
    sinks = [node.process for node in graph.downstream(group.first.name) if node.role == "sink"]
    return GroupLayout(
        outputs=tuple(dict.fromkeys(outputs)),
        has_sink=any(node.role == "sink" for node in group.nodes),
        sinks_downstream=tuple(dict.fromkeys(sinks)) if group.first.role == "source" else (),
    )


def live_sources(graph: PipelineGraph) -> frozenset[str]:
    """Ids of the live sources of a graph."""
    nodes = (node for node in graph.nodes_of_role("source") if node.is_live)
    return frozenset(item.source_id for node in nodes for item in node.items)


def ring_plan(graph: PipelineGraph, folder: Path) -> RingPlan | None:
    """Plan the rings of a run; None where no sink wants encoded packets.

    Args:
        graph: the graph.
        folder: of the run.
    """
    wanting = [node.options for node in graph.nodes_of_role("sink") if needs_packets(node)]
    if not wanting:
        return None
    seconds = max(
        getattr(options, "before_s", 0.0) + getattr(options, "min_duration_s", 0.0)
        for options in wanting
    )
    most_bytes = max(getattr(options, "ring_bytes", RING_BYTES) for options in wanting)
    return RingPlan(ring_folder(folder), seconds + RING_MARGIN_S, most_bytes)


def class_names(graph: PipelineGraph) -> dict[str, tuple[str, ...]]:
    """Model name -> class names, for every detector of a graph, and for detectors on crops."""
    detectors = (node.name for node in graph.nodes_of_role("detector"))
    return {k: v for name in detectors for k, v in graph.published_models(name).items()}
