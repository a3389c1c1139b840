"""`streamdet check GRAPH`: say whether a graph is valid, and what it is made of."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from streamdet.commands.camera_check import silent_cameras
from streamdet.commands.graph_arguments import add_graph_arguments, graph_from
from streamdet.commands.place_check import places_outside
from streamdet.commands.report_text import counted
from streamdet.config.deploy import DeploySettings
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.errors import ConfigError
from streamdet.graph import Node, PipelineGraph
from streamdet.graph.mermaid import caption
from streamdet.graph.outputs import read_twice
from streamdet.graph.problems import UncheckedRestError
from streamdet.models.input_size import choice_of, hw_text
from streamdet.run.missing_parts import missing_parts
from streamdet.run.redis_memory import most_objects, redis_memory
from streamdet.stores.address import is_store_address

_USUAL_OBJECTS: Final = 20


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of `check`."""
    add_graph_arguments(parser)


def run(args: Namespace) -> int:
    """Check a graph; print a line for each node, and warn of what a run would fail for here.

    Raises:
        ConfigError: something is wrong.
    """
    try:
        graph = graph_from(args)
    except UncheckedRestError as exc:
        raise ConfigError(f"{exc}\nfix these, then check again: more may follow") from exc
    processes = sum(group.replicas for group in graph.groups)
    made_of = f"{counted(len(graph.nodes), 'node')} in {counted(processes, 'process', 'processes')}"
    print(f"{graph.path}: valid, {made_of}")
    print(table(graph))
    for line in input_lines(graph):
        print(f"  {line}")
    print(f"  {redis_line(graph)}")
    if doubled := read_twice(graph):
        print(f"warning: {doubled}", file=sys.stderr)
    for missing in missing_parts(graph):
        print(f"warning: {missing}", file=sys.stderr)
    problems = (*unreadable_files(graph), *silent_cameras(graph), *places_outside(graph))
    for problem in problems:
        print(f"warning: {problem}", file=sys.stderr)
    return 0


def table(graph: PipelineGraph) -> str:
    """List the nodes in columns: name, kind, what it reads, its process, a tracker's thresholds."""
    rows = [
        (node.name, caption(node), _reads(node), f"process {node.process}", thresholds(node))
        for node in graph.nodes.values()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(f"  {line}" for line in lines)


def input_lines(graph: PipelineGraph) -> Iterator[str]:
    """Say which sizes a detector's network has, if several; a run chooses by its sources."""
    for node in graph.nodes_of_role("detector"):
        choice = None if node.model is None else choice_of(node.model)
        if choice is not None and isinstance(node.options, NetworkOptions):
            hws = ", ".join(map(hw_text, choice.hws))
            yield f"{node.name}: input auto, budget {node.options.budget}: {hws}, by the source"


def redis_line(graph: PipelineGraph) -> str:
    """Say how much of a Redis server's memory a run takes at most."""
    most = most_objects(graph)
    counts = {min(_USUAL_OBJECTS, most): "", most: " (max_detections)"}
    settings = DeploySettings()
    shares = (
        f"{redis_memory(graph, settings, count).total / (1 << 20):.0f} MiB with {count}{what}"
        for count, what in counts.items()
    )
    return f"Redis, by the objects in each frame: at most {', '.join(shares)}"


def unreadable_files(graph: PipelineGraph) -> Iterator[str]:
    """Name the video files that cannot be read, as far as that shows without opening them."""
    for node in graph.nodes_of_role("source"):
        for item in node.items if node.kind == "file" else ():
            if is_store_address(item.uri):
                continue
            if not os.access(item.uri, os.R_OK):
                yield f"{item.uri}: cannot be read (permission denied)"
            elif not Path(item.uri).stat().st_size:
                yield f"{item.uri}: is empty"


def thresholds(node: Node) -> str:
    """Write the score thresholds of a tracker, or of the detector that feeds one, as they hold."""
    if node.role not in {"tracker", "detector"}:
        return ""
    values = (
        (name, value)
        for name, value in node.options
        if name.endswith("_thresh") and "iou" not in name and value is not None
    )
    return ", ".join(f"{name} {value:g}" for name, value in values)


def _reads(node: Node) -> str:
    if node.role != "source":
        return f"reads {', '.join(node.reads)}"
    ids = ", ".join(item.source_id for item in node.items[:3])
    more = len(node.items) - 3
    return f"{ids} and {more} more" if more > 0 else ids
