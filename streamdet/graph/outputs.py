"""Checks the files that a run writes: writable, and not read or written by anything else in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from streamdet.errors import ConfigError
from streamdet.graph.pipeline import Node, PipelineGraph
from streamdet.graph.problems import Problems
from streamdet.registry import load
from streamdet.sinks.output_path import output_path
from streamdet.sources.resolve import files_of
from streamdet.stores.address import is_store_address
from streamdet.system.atomic_file import FileKey, check_grows, checked_output, file_key
from streamdet.system.redaction import short


def check_outputs(graph: PipelineGraph, problems: Problems) -> None:
    """Report sinks whose file cannot be written, or is read or written elsewhere in the run.

    A run truncates its output files: without this check it could empty a video that it reads.
    """
    read = files_read(graph)
    taken = dict(read)
    streams: dict[str, str] = {}
    for node in graph.nodes_of_role("sink"):
        stream = getattr(node.options, "stream", None)
        first = streams.setdefault(stream, node.name) if isinstance(stream, str) else node.name
        if first != node.name:
            problems.add(
                ("nodes", node.name, "stream"), f"must differ from {first}.stream, got {stream!r}"
            )
        stated = getattr(node.options, "path", None)
        if stated is not None and (whose := read.get(file_key(Path(stated)))):
            _refuse(node, Path(stated), whose, problems)
            continue  # also where it writes a file beside it for each source: it was not meant
        for path in files_written(graph, node):
            whose = taken.setdefault(file_key(path), f"{node.name}.path")
            if whose != f"{node.name}.path":
                _refuse(node, path, whose, problems)
            _check_writable(node, path, problems)


def files_read(graph: PipelineGraph) -> dict[FileKey, str]:
    """Map the files that a run reads to what they are: the graph's, its cameras', its sources'."""
    read = {file_key(path): "the graph's file of cameras" for path in graph.camera_files}
    read[file_key(graph.path)] = "the graph's own file"
    for node in graph.nodes_of_role("source"):
        for item in node.items:
            read |= {
                file_key(file): f"what {node.name} reads" for file in files_of(node.kind, item)
            }
    return read


def _refuse(node: Node, path: Path, whose: str, problems: Problems) -> None:
    problems.add(("nodes", node.name, "path"), f"must differ from {whose}, got {str(path)!r}")


def read_twice(graph: PipelineGraph) -> str:
    """Say that a run reads a file, scene or camera twice, which may not be meant; else ""."""
    first: dict[FileKey, str] = {}
    doubled = []
    for node in graph.nodes_of_role("source"):
        for item in node.items:
            is_path = node.kind in {"file", "images"} and not is_store_address(item.uri)
            key = file_key(Path(item.uri)) if is_path else item.uri
            if (other := first.setdefault(key, item.source_id)) != item.source_id:
                doubled.append(f"{short(item.uri)} is read twice, as {other} and {item.source_id}")
    more = f" ({len(doubled) - 1} more too)" if len(doubled) > 1 else ""
    return f"{doubled[0]}{more}" if doubled else ""


def files_written(graph: PipelineGraph, node: Node) -> Iterator[Path]:
    """List the files that a sink writes: one, or one for each source."""
    path = getattr(node.options, "path", None)
    if path is None:
        return
    if not load("sink", node.kind).has_file_per_source:
        yield Path(path)
        return
    source_ids = graph.sources_reaching(node.name)
    for source_id in source_ids:
        yield output_path(Path(path), source_id, source_ids)


def check_report(graph: PipelineGraph, report: str) -> Path:
    """Check where a run's report is to be written.

    Raises:
        ConfigError: it cannot be written, or the run reads or writes that file.
    """
    taken = files_read(graph)
    for node in graph.nodes_of_role("sink"):
        taken |= {file_key(path): f"{node.name}.path" for path in files_written(graph, node)}
    try:
        path = checked_output(report)
    except ConfigError as exc:
        raise ConfigError(f"--report {report}: {exc}") from exc
    if whose := taken.get(file_key(path)):
        raise ConfigError(f"--report {report}: must differ from {whose}")
    return path


def _check_writable(node: Node, path: Path, problems: Problems) -> None:
    try:
        checked_output(path)
        check_grows(path)
    except ConfigError as exc:
        problems.add(("nodes", node.name, "path"), f"cannot be written: {short(str(path))}: {exc}")
