"""What became of an archive's files: a row for each, and their sums."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamdet.archive.folder import FILES_CSV, ArchiveFolder
from streamdet.archive.manifest import Manifest
from streamdet.archive.manifest_rows import FileRow, SegmentRow
from streamdet.errors import one_line
from streamdet.sources.media_file import MediaPlace
from streamdet.system.atomic_file import write_whole

COLUMNS: Final = (
    "source_id",
    "path",
    "state",
    "seconds",
    "frames",
    "dropped",
    "objects",
    "tracks",
    "segments",
    "damaged",
    "warnings",
    "error",
)


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of a file.

    Attributes:
        row: the file.
        was_done: it was done before this command: nothing was left to do.
        segments: how many it was cut into.
        damaged: packets of it that could not be decoded.
        warnings: what was wrong with it that did not end it.
    """

    row: FileRow
    was_done: bool
    segments: int
    damaged: int
    warnings: tuple[str, ...]

    def value(self, name: str) -> Any:
        """A value of its result; None where it is not done."""
        return None if self.row.result is None else self.row.result[name]

    def cells(self) -> tuple[Any, ...]:
        """Its row of `COLUMNS`."""
        row = self.row
        seconds = None if row.seconds is None else round(row.seconds, 3)
        found = [self.value(name) for name in ("frames", "dropped", "objects", "tracks")]
        rest = (self.segments, self.damaged, "; ".join(self.warnings), row.error)
        return (row.source_id, one_line(str(row.path)), row.state, seconds, *found, *rest)


def file_reports(
    manifest: Manifest, done_before: Collection[int] = (), paths: Sequence[MediaPlace] | None = None
) -> list[FileReport]:
    """Report files.

    Args:
        manifest: of the archive.
        done_before: numbers of files that were done before this command.
        paths: which files; None: all.
    """
    wanted = None if paths is None else set(paths)
    return [
        _report(manifest, row, was_done=row.id in done_before)
        for row in manifest.files()
        if wanted is None or row.path in wanted
    ]


def write_files_csv(folder: ArchiveFolder, reports: Sequence[FileReport]) -> None:
    """Write a row for each file.

    Raises:
        EngineError: it cannot be written.
        StoreError: the store does not take it.
    """
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *(one.cells() for one in reports)])
    part = folder.temporary / FILES_CSV
    write_whole(part, text.getvalue().encode(errors="backslashreplace"))
    folder.place(part)


def _report(manifest: Manifest, row: FileRow, *, was_done: bool) -> FileReport:
    segments = manifest.segments(row.id)
    return FileReport(
        row,
        was_done,
        len(segments),
        sum((segment.result or {}).get("damaged", 0) for segment in segments),
        tuple(_warnings(segments)),
    )


def _warnings(segments: Sequence[SegmentRow]) -> list[str]:
    """List what was wrong with a file that did not end it, each sentence once."""
    results = [segment.result or {} for segment in segments]
    found = itertools.chain.from_iterable(result.get("warnings", ()) for result in results)
    return list(dict.fromkeys(found))
