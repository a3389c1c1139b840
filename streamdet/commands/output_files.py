"""Which files a run has written, and which of an earlier run it has left as they were."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Self

from streamdet.graph import Node, PipelineGraph
from streamdet.graph.outputs import files_written
from streamdet.registry import load
from streamdet.sinks.append_file import remove_empty
from streamdet.sinks.output_path import output_path
from streamdet.sinks.parquet import rows_path

Mark = tuple[int, int] | None
"""Inode and time of the last change of a file; None where there is none."""


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """The files that the sinks of a graph write.

    Attributes:
        before: each of them -> what was there before the run.
        per_source: outputs with a file for each source: the stated path, and the sources that the
            run began with.
        folders: those that sinks add files to (records, clips) -> what was newest there.
    """

    before: Mapping[Path, Mark]
    per_source: tuple[tuple[Path, tuple[str, ...]], ...] = ()
    folders: Mapping[Path, Mark] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: PipelineGraph) -> Self:
        """Look at them before a run."""
        sinks = graph.nodes_of_role("sink")
        paths = [path for node in sinks for path in _files(graph, node)]
        per_source = tuple(
            (Path(path), graph.sources_reaching(node.name))
            for node in sinks
            if (path := getattr(node.options, "path", None)) is not None
            and load("sink", node.kind).has_file_per_source
        )
        folders = {
            folder: _newest(folder)
            for node in sinks
            if isinstance(folder := getattr(node.options, "folder", None), Path)
        }
        return cls({path: _mark(path) for path in paths}, per_source, folders)

    def remove_empty(self) -> None:
        """Remove what a run without a frame has made: its processes were killed before they could.

        A run that fails has its processes killed; with a frame, an empty file is a result.
        """
        for path, before in self.before.items():
            if before is None:
                remove_empty(path)

    def written(self, later: Collection[str] = ()) -> list[Path]:
        """List those that the run has written.

        Args:
            later: cameras with frames that came after the run began, whose files were not there.
        """
        known = [path for path, before in self.before.items() if _mark(path) not in (None, before)]
        added = [output_path(path, name, ids) for path, ids in self.per_source for name in later]
        filled = [path for path, before in self.folders.items() if _newest(path) != before]
        return [*known, *(path for path in added if path.exists()), *filled]

    def kept(self) -> list[Path]:
        """List those of an earlier run that it has not touched."""
        return [path for path, before in self.before.items() if before and _mark(path) == before]


def _files(graph: PipelineGraph, node: Node) -> Iterator[Path]:
    for path in files_written(graph, node):
        yield path
        if node.kind == "parquet":
            yield rows_path(path)


def _newest(folder: Path) -> Mark:
    marks = (_mark(path) for path in folder.rglob("*") if path.is_file())
    return max((mark for mark in marks if mark is not None), key=itemgetter(1), default=None)


def _mark(path: Path) -> Mark:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
