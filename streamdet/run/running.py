"""A run as it is now: its graph and cameras may change while it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from streamdet.config.deploy import DeploySettings
from streamdet.errors import ConfigError, legible
from streamdet.graph.pipeline import Node, PipelineGraph
from streamdet.graph.source_items import MOST_CAMERAS, too_many
from streamdet.registry import load
from streamdet.run.description import RunDescription, SourceDescription, describe_stages
from streamdet.run.monitor import Metrics
from streamdet.run.processes import Processes
from streamdet.sinks.output_path import output_path
from streamdet.sources.live import LiveOptions
from streamdet.sources.resolve import SourceItem
from streamdet.system.atomic_file import checked_output
from streamdet.system.redaction import redacted
from streamdet.transport.bus import RunAdmin
from streamdet.worker.later_sources import LaterSource, write_later_sources
from streamdet.worker.plan import RunPlan, WorkerPlan, camera_consumer, worker_plans
from streamdet.worker.staleness import longest_wait_ns


@dataclass
class Running:
    """A run that has been started.

    Attributes:
        graph: its graph, as of now, with all runtimes chosen.
        plan: what its workers share.
        settings: of this machine.
        bus: the run's bus.
        processes: its workers.
        metrics: of the same run.
        description: what other processes are told of it.
        paused: camera -> why it was paused.
        later: what `LaterSources` reads.
        first_nodes: source id -> the name of its node, as of the start.
    """

    graph: PipelineGraph
    plan: RunPlan
    settings: DeploySettings
    bus: RunAdmin
    processes: Processes
    metrics: Metrics
    description: RunDescription
    paused: dict[str, str] = field(default_factory=dict)
    later: dict[str, LaterSource] = field(default_factory=dict)
    first_nodes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Remember what the run began with."""
        self.first_nodes = self.sources()

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.plan.folder

    @property
    def live_nodes(self) -> list[Node]:
        """The nodes of live sources."""
        return [node for node in self.graph.nodes_of_role("source") if node.is_live]

    def cameras(self) -> dict[str, Node]:
        """Camera -> its node, in the graph's order."""
        return {item.source_id: node for node in self.live_nodes for item in node.items}

    def sources(self) -> dict[str, str]:
        """Source id -> the name of its node, of all sources, cameras or not."""
        nodes = self.graph.nodes_of_role("source")
        return {item.source_id: node.name for node in nodes for item in node.items}

    def node_of(self, name: str) -> Node:
        """Find a camera's node.

        Raises:
            ConfigError: there is no such camera.
        """
        cameras = self.cameras()
        if name not in cameras:
            there_are = ", ".join(sorted(cameras)) or "none"
            raise ConfigError(f"there is no camera {name!r} in this run; there are {there_are}")
        return cameras[name]

    def consumer(self, name: str) -> str:
        """Name the worker of a camera."""
        return camera_consumer(self.node_of(name).process, name)

    def reached(self, node: Node) -> Iterator[str]:
        """Yield the groups that the frames of a source node reach, its own first."""
        nodes = (node, *self.graph.downstream(node.name))
        yield from dict.fromkeys(each.process for each in nodes)

    def worker_plan(self, consumer: str) -> WorkerPlan:
        """Plan a worker by the graph as it is now; what it was told at the start stays so."""
        plans = {plan.consumer: plan for plan in worker_plans(self.graph, self.plan)}
        plan = plans[consumer]
        return replace(plan, source_ids=self._first_sources(plan.nodes[0].node))

    def _first_sources(self, node: Node) -> tuple[str, ...]:
        """List the sources that reached a node when the run began."""
        near = {source.name for source in self.graph.sources_near(node.name)}
        return tuple(name for name, of in self.first_nodes.items() if of in near)

    def set_items(self, node: Node, items: tuple[SourceItem, ...]) -> None:
        """Have a node read these cameras from now on; starts and ends nothing."""
        nodes = {**self.graph.nodes, node.name: replace(node, items=items)}
        self.graph = replace(self.graph, nodes=nodes)

    def announce(self, node: Node, item: SourceItem) -> None:
        """Tell the workers and whoever reads the run's metrics of a camera, before it begins."""
        options = item.options or node.options
        assert isinstance(options, LiveOptions)
        self.later[item.source_id] = LaterSource(node.name, longest_wait_ns(options))
        write_later_sources(self.folder, self.later)
        known = self.description.sources.get(item.source_id)
        sinks = [g for g in self.reached(node) if self.plan.layout.groups[g].has_sink]
        source = SourceDescription(
            legible(redacted(item.uri)),
            tuple(sinks),
            added_s=self.metrics.elapsed_s if known is None else known.added_s,
        )
        self._describe({**self.description.sources, item.source_id: source})

    def _describe(self, sources: dict[str, SourceDescription]) -> None:
        self.description = replace(self.description, sources=sources)
        self.metrics.accounting.sources = sources
        self.tell_others()

    def tell_others(self) -> None:
        """Write the description, with the workers that there are now."""
        consumers = tuple(self.processes.plans())
        stages = describe_stages(self.graph)
        self.description = replace(self.description, consumers=consumers, stages=stages)
        self.description.write(self.folder)

    @staticmethod
    def check_room(node: Node, cameras: int) -> None:
        """Check that a node may have so many cameras; their images share the slots there are.

        Raises:
            ConfigError: it may not.
        """
        if cameras > MOST_CAMERAS:
            raise ConfigError(f"{node.name}: {too_many(cameras)}; start another run for more")

    def check_sinks(self, node: Node, added: Iterable[str] = ()) -> None:
        """Check that the outputs of a source node can do with other cameras than at the start.

        Raises:
            ConfigError: one cannot, or the file of an added camera cannot be written.
        """
        for sink in self.graph.downstream(node.name):
            if sink.role != "sink":
                continue
            kind = load("sink", sink.kind)
            for name in added if kind.has_file_per_source else ():
                self._check_file(sink, name)
            if getattr(kind, "has_fixed_sources", False):
                raise ConfigError(
                    f"{sink.name} ends its file when its cameras have ended, so that none can"
                    " come or go: write .csv or .jsonl in its place, and start the run again"
                )

    def _check_file(self, sink: Node, name: str) -> None:
        stated = Path(getattr(sink.options, "path", ""))
        path = output_path(stated, name, self._first_sources(sink))
        try:
            checked_output(path)
        except ConfigError as exc:
            raise ConfigError(f"{sink.name}: {path}: {exc}") from exc
