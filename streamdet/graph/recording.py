"""Checks of sinks that record: what they read, whom they wait for, where they write."""

from __future__ import annotations

from pathlib import Path

from streamdet.config.suggestions import nearest
from streamdet.errors import ConfigError
from streamdet.graph.pipeline import Node, PipelineGraph, needs_packets
from streamdet.graph.problems import Problems
from streamdet.registry import load
from streamdet.sinks.recorder import RecorderOptions
from streamdet.sinks.records import RecordsOptions
from streamdet.system.atomic_file import checked_folder
from streamdet.system.redaction import short


def check_recording(graph: PipelineGraph, problems: Problems) -> None:
    """Report sinks that would never record anything, or nowhere."""
    for node in graph.nodes_of_role("sink"):
        if needs_packets(node):
            _check_live(graph, node, problems)
        if isinstance(node.options, RecorderOptions):
            _check_tracker(graph, node, problems)
            _check_classes(graph, node, node.options, problems)
            _check_zones(graph, node, node.options, problems)
        if isinstance(node.options, RecordsOptions):
            _check_has_records(graph, node, problems)
        if isinstance(folder := getattr(node.options, "folder", None), Path):
            _check_folder(node, folder, problems)


def _check_live(graph: PipelineGraph, node: Node, problems: Problems) -> None:
    for source in _read_by(graph, node, "source"):
        if not source.is_live:
            problems.add(
                ("nodes", node.name, "reads"),
                f"brings {source.name!r}, which is not live: {node.kind} keeps what a camera sends;"
                " to play a file like a camera, name it file:PATH?live=1",
            )


def _check_tracker(graph: PipelineGraph, node: Node, problems: Problems) -> None:
    if getattr(load("sink", node.kind), "needs_tracks", False) and not _read_by(
        graph, node, "tracker"
    ):
        problems.add(
            ("nodes", node.name, "reads"),
            f"must lead to a tracker: {node.kind} writes a file for each track",
        )


def _check_classes(
    graph: PipelineGraph, node: Node, options: RecorderOptions, problems: Problems
) -> None:
    detectors = _read_by(graph, node, "detector")
    known = [name for each in detectors if each.model is not None for name in each.model.classes]
    for name in options.classes:
        if name not in known:
            problems.add(
                ("nodes", node.name, "classes"),
                f"must be classes of the model, got {short(name)!r}; {nearest(name, known)}",
            )


def _check_zones(
    graph: PipelineGraph, node: Node, options: RecorderOptions, problems: Problems
) -> None:
    analytics = _read_by(graph, node, "analytics")
    for key in ("zones", "events"):
        if getattr(options, key, ()) and not analytics:
            problems.add(
                ("nodes", node.name, key),
                "needs an analytics node between tracker and sink, which says what happens where",
            )
            return
    places = [_places(each) for each in analytics]
    known = [name for names in places for name in names or ()]
    for name in options.zones:
        if name not in known and None not in places:  # a plugin's places are not known
            problems.add(
                ("nodes", node.name, "zones"),
                f"must be zones or lines of {', '.join(each.name for each in analytics)}, got"
                f" {short(name)!r}; {nearest(name, known)}",
            )


def _places(node: Node) -> list[str] | None:
    """Names of the zones or lines of an analytics node; None where it is another kind."""
    for key in ("zones", "lines"):
        named = getattr(node.options, key, None)
        if isinstance(named, dict):
            return list(named)
    return None


def _check_has_records(graph: PipelineGraph, node: Node, problems: Problems) -> None:
    if not any(_read_by(graph, node, role) for role in ("tracker", "analytics")):
        problems.add(
            ("nodes", node.name, "reads"),
            "must lead to a tracker or an analytics node: records are of tracks and events",
        )


def _check_folder(node: Node, folder: Path, problems: Problems) -> None:
    try:
        checked_folder(folder)
    except ConfigError as exc:
        place = short(str(folder))
        problems.add(("nodes", node.name, "folder"), f"cannot be written to: {place}: {exc}")


def _read_by(graph: PipelineGraph, node: Node, role: str) -> list[Node]:
    """List the nodes of a role that a node reads, directly or not."""
    return [each for each in graph.nodes_of_role(role) if node in graph.downstream(each.name)]
