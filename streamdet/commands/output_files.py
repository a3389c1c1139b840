"""Which files a run has written, and which of an earlier run it has left as they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from streamdet.graph import Node, PipelineGraph
from streamdet.graph.outputs import files_written
from streamdet.sinks.append_file import remove_empty
from streamdet.sinks.parquet import rows_path

Mark = tuple[int, int] | None
"""Inode and time of the last change of a file; None where there is none."""


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """The files that the sinks of a graph write.

    Attributes:
        before: each of them -> what was there before the run.
    """

    before: Mapping[Path, Mark]

    @classmethod
    def of(cls, graph: PipelineGraph) -> Self:
        """Look at them before a run."""
        paths = [path for node in graph.nodes_of_role("sink") for path in _files(graph, node)]
        return cls({path: _mark(path) for path in paths})

    def remove_empty(self) -> None:
        """Remove what a run without a frame has made: its processes were killed before they could.

        A run that fails has its processes killed; with a frame, an empty file is a result.
        """
        for path, before in self.before.items():
            if before is None:
                remove_empty(path)

    def written(self) -> list[Path]:
        """List those that the run has written."""
        return [path for path, before in self.before.items() if _mark(path) not in (None, before)]

    def kept(self) -> list[Path]:
        """List those of an earlier run that it has not touched."""
        return [path for path, before in self.before.items() if before and _mark(path) == before]


def _files(graph: PipelineGraph, node: Node) -> Iterator[Path]:
    for path in files_written(graph, node):
        yield path
        if node.kind == "parquet":
            yield rows_path(path)


def _mark(path: Path) -> Mark:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
