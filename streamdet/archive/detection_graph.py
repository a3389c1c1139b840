"""Takes a graph apart: what runs on segments, and what on the detections of whole files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError
from streamdet.graph import Node, PipelineGraph
from streamdet.graph.pipeline import needs_image
from streamdet.sinks.segments import SegmentsOptions
from streamdet.sources.file import FileOptions
from streamdet.sources.resolve import SourceItem
from streamdet.system.cores import cores

_SEGMENTS: Final = "archive-segments"
"""The node, and the process, that writes the detections."""


@dataclass(frozen=True, slots=True)
class SplitGraph:
    """A graph's parts.

    Attributes:
        graph: all of it.
        source: its source, of kind `file`.
        detect: what runs on segments: transform and detector.
        join: what runs on whole files: tracker and analytics, each reading the one before it.
        left_out: the other nodes: sinks of the graph, and branches that end elsewhere.
    """

    graph: PipelineGraph
    source: Node
    detect: tuple[Node, ...]
    join: tuple[Node, ...]
    left_out: tuple[Node, ...]

    @property
    def options(self) -> FileOptions:
        """Options of the source."""
        assert isinstance(self.source.options, FileOptions)
        return self.source.options

    def detection_graph(
        self, items: Iterable[SourceItem], folder: Path, lanes: int | None
    ) -> PipelineGraph:
        """Make the graph that detects segments.

        Args:
            items: the segments.
            folder: where their detections go.
            lanes: how many are read at once; None: as the graph says, or one for each core.
        """
        stated = self.options.parallel
        parallel = lanes or (cores() if stated in ("auto", 1) else stated)
        options = self.options.model_copy(update={"parallel": parallel})
        source = replace(self.source, items=tuple(items), options=options)
        detector = self.detect[-1]
        sink = Node(
            name=_SEGMENTS,
            role="sink",
            kind="segments",
            reads=(detector.name,),
            options=SegmentsOptions(folder=folder),
            process=_SEGMENTS,
        )
        nodes = (source, *self.detect, sink)
        return replace(self.graph, nodes={node.name: node for node in nodes})


def split(graph: PipelineGraph) -> SplitGraph:
    """Take a graph apart: the way of a frame from the source to its last tracker or analytics.

    Raises:
        ConfigError: it has several sources, no detector, or one that looks at crops, or
            analytics that look at images.
    """
    for node in graph.nodes_of_role("detector"):
        if node.on_crops:
            raise ConfigError(
                f"{graph.path}: {node.name} detects in crops of tracked objects, which an archive"
                " cannot: it tracks when the images are gone; use `streamdet run`"
            )
    for node in graph.nodes_of_role("analytics"):
        if needs_image(node):
            raise ConfigError(
                f"{graph.path}: {node.name} ({node.kind}) looks at images, which are gone when an"
                " archive has tracks; use `streamdet run`, or leave it out"
            )
    end = _end(graph)
    way = [
        node
        for node in graph.nodes.values()
        if node.name == end.name or end in graph.downstream(node.name)
    ]
    sources = graph.nodes_of_role("source")
    if len(sources) != 1:
        names = ", ".join(node.name for node in sources)
        raise ConfigError(f"{graph.path}: an archive needs a graph with one source, got {names}")
    return SplitGraph(
        graph=graph,
        source=sources[0],
        detect=_of_roles(way, "transform", "detector"),
        join=_of_roles(way, "tracker", "analytics"),
        left_out=tuple(node for node in graph.nodes.values() if node not in way),
    )


def _end(graph: PipelineGraph) -> Node:
    for role in ("analytics", "tracker", "detector"):
        if nodes := graph.nodes_of_role(role):
            return nodes[-1]
    raise ConfigError(f"{graph.path}: an archive needs a graph with a detector, this one has none")


def _of_roles(nodes: Sequence[Node], *roles: str) -> tuple[Node, ...]:
    return tuple(node for node in nodes if node.role in roles)
