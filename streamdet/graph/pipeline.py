"""The checked graph and queries on it: readers, process groups, image readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from streamdet.config.options import Options
from streamdet.models.model_config import Hw, ModelConfig
from streamdet.registry import load
from streamdet.sources.resolve import SourceItem
from streamdet.system.cores import cores
from streamdet.trackers.options import TrackerOptions

ORDERED_ROLES: Final = frozenset({"tracker", "analytics", "sink"})
"""Roles that need each source's frames in index order."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a graph.

    Attributes:
        name: unique in the graph, [a-z][a-z0-9_-]*.
        role: a key of registry.KINDS.
        kind: a concrete kind of that role.
        reads: names of the nodes whose results it reads, as the file lists them; () for a source.
        options: of the kind's own `Options`.
        process: name of its process group; its own name where the file states none.
        replicas: how many processes share its work.
        batch: most entries read at once.
        max_wait_ms: longest wait of a read for a full batch, milliseconds.
        device: where its images are made and lie: cpu, or a GPU (cuda:0).
        copies: whether it may read images that lie elsewhere.
        items: what a source reads, at least one; () for the other roles.
        model: of a detector; None for the other roles.
        on_crops: of a detector: whether it looks at crops of the source images, which a node of
            kind crop has chosen, and not at prepared ones.
        tracking_by_hw: of a tracker: its options by the size of the network's image that feeds it,
            where they differ from `options`.
    """

    name: str
    role: str
    kind: str
    reads: tuple[str, ...]
    options: Options
    process: str
    replicas: int = 1
    batch: int = 8
    max_wait_ms: float = 0.0
    device: str = "cpu"
    copies: bool = False
    items: tuple[SourceItem, ...] = ()
    model: ModelConfig | None = None
    on_crops: bool = False
    tracking_by_hw: Mapping[Hw, TrackerOptions] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether it is a source of cameras, which never end by themselves."""
        return self.role == "source" and getattr(load("source", self.kind), "is_live", False)

    @property
    def parallel(self) -> int:
        """How many of its items a source reads at once, live ones all; 1 for the other roles."""
        if self.is_live:
            return max(1, len(self.items))
        stated = getattr(self.options, "parallel", 1) if self.role == "source" else 1
        return min(cores() if stated == "auto" else stated, max(1, len(self.items)))


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """The nodes of one process; they pass frames on by a call and commit once.

    Attributes:
        name: the nodes' `process`.
        nodes: in topological order; only the first reads from outside, or is a source.
    """

    name: str
    nodes: tuple[Node, ...]

    @property
    def first(self) -> Node:
        """The node whose input stream the group reads; its `batch` and `max_wait_ms` apply."""
        return self.nodes[0]

    @property
    def replicas(self) -> int:
        """How many processes run the group."""
        return max(max(node.replicas, node.parallel) for node in self.nodes)


@dataclass(frozen=True)
class PipelineGraph:
    """A graph that has passed every check.

    Attributes:
        name: name of the run.
        path: the file it was read from.
        nodes: name -> node, each after all that it reads.
        camera_files: the files of cameras that it names.
    """

    name: str
    path: Path
    nodes: Mapping[str, Node]
    camera_files: tuple[Path, ...] = ()

    def nodes_of_role(self, role: str) -> list[Node]:
        """List the nodes of a role, in topological order."""
        return [node for node in self.nodes.values() if node.role == role]

    @property
    def public_streams(self) -> tuple[str, ...]:
        """Keys of the Redis streams that its sinks publish to."""
        stated = (getattr(node.options, "stream", None) for node in self.nodes_of_role("sink"))
        return tuple(stream for stream in stated if isinstance(stream, str))

    @property
    def makes_events(self) -> bool:
        """Whether its runs publish events: of cameras, or of what analytics notice."""
        return any(node.is_live or node.role == "analytics" for node in self.nodes.values())

    def readers(self, name: str) -> list[Node]:
        """List the nodes that read a node's results, in topological order."""
        return [node for node in self.nodes.values() if name in node.reads]

    def downstream(self, name: str) -> list[Node]:
        """List the nodes that read a node's results, directly or not, in topological order."""
        return [node for node in self.nodes.values() if name in self._upstream[node.name]]

    def sources_reaching(self, name: str) -> tuple[str, ...]:
        """List the ids of the sources whose frames reach a node (for a source: its own ids)."""
        return tuple(item.source_id for node in self.sources_near(name) for item in node.items)

    def sources_near(self, name: str) -> list[Node]:
        """List the source nodes whose frames reach a node (for a source: itself)."""
        near = {name, *self._upstream[name]}
        return [node for node in self.nodes_of_role("source") if node.name in near]

    def published_models(self, name: str) -> dict[str, tuple[str, ...]]:
        """Map the models that frames behind a node name to the names of their classes.

        Behind a detector on crops these are the models of all its objects, joined by +: the second
        model's classes are numbered on from the first's.
        """
        node = self.nodes[name]
        before = {k: v for read in node.reads for k, v in self.published_models(read).items()}
        if node.model is None:
            return before
        if not node.on_crops:
            return {node.model.name: node.model.classes}
        own = node.model
        return {f"{model}+{own.name}": (*first, *own.classes) for model, first in before.items()}

    def image_readers(self, name: str) -> list[Node]:
        """List the nodes that read the images a node makes, in topological order.

        A source makes source images, for transforms and detectors on crops, and for sinks, trackers
        and analytics that need them; a transform makes prepared images, for detectors. The other
        roles make none.
        """
        return [node for node in self.downstream(name) if self._reads_pixels(node, name)]

    @property
    def gpus(self) -> tuple[str, ...]:
        """The GPUs that its nodes work on: cuda:0 ..."""
        devices = {node.device for node in self.nodes.values()}
        return tuple(sorted(devices - {"cpu"}))

    def slot_readers(self, name: str) -> list[ProcessGroup]:
        """List the other processes that read a node's images: each frees the slot once.

        With none, the images need no pool.
        """
        own = self.nodes[name].process
        processes = {node.process for node in self.image_readers(name)} - {own}
        return [group for group in self.groups if group.name in processes]

    @cached_property
    def groups(self) -> tuple[ProcessGroup, ...]:
        """The processes, in topological order of their first nodes."""
        members: dict[str, list[Node]] = {}
        for node in self.nodes.values():
            members.setdefault(node.process, []).append(node)
        return tuple(ProcessGroup(name, tuple(nodes)) for name, nodes in members.items())

    def group_of(self, name: str) -> ProcessGroup:
        """Find the process that a node runs in."""
        return next(group for group in self.groups if group.name == self.nodes[name].process)

    def _reads_pixels(self, reader: Node, maker: str) -> bool:
        match self.nodes[maker].role:
            case "source":
                return reader.role == "transform" or reader.on_crops or needs_image(reader)
            case "transform":
                return reader.role == "detector" and maker in reader.reads
            case _:
                return False

    @cached_property
    def _upstream(self) -> dict[str, frozenset[str]]:
        return upstream({node.name: node.reads for node in self.nodes.values()})


def needs_image(node: Node) -> bool:
    """Whether a node is a sink, a tracker or of analytics that needs the source images."""
    if node.role == "tracker":
        return bool(getattr(node.options, "needs_image", False))
    is_one = node.role in ("sink", "analytics")
    return is_one and bool(getattr(load(node.role, node.kind), "needs_image", False))


def needs_packets(node: Node) -> bool:
    """Whether a node is a sink that needs the encoded packets of live sources."""
    return node.role == "sink" and getattr(load("sink", node.kind), "needs_packets", False)


def upstream(reads: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    """Map each name to all names that it reads, directly or through others.

    Args:
        reads: name -> names it reads, without a cycle; every name after those it reads.
    """
    found: dict[str, frozenset[str]] = {}
    for name, direct in reads.items():
        found[name] = frozenset(direct).union(*(found[other] for other in direct))
    return found


def in_order(reads: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield names after those they read, otherwise in the mapping's order.

    Names on a cycle, or that read one, are left out.
    """
    done: set[str] = set()
    while ready := [n for n in reads if n not in done and done.issuperset(reads[n])]:
        done.add(ready[0])
        yield ready[0]
