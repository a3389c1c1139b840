"""What `streamdet archive` says, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streamdet.archive.detection_graph import SplitGraph
from streamdet.archive.folder import FILES_CSV, ArchiveFolder
from streamdet.archive.manifest import Manifest
from streamdet.archive.manifest_rows import Totals
from streamdet.archive.planning import PlanNotes
from streamdet.archive.progress import Progress
from streamdet.archive.query import Answer
from streamdet.archive.report import FileReport
from streamdet.commands.report_text import counted

MOST_LINES: Final = 20
"""Files that the report lists; of more, files.csv has them all."""


def note_lines(notes: PlanNotes, parts: SplitGraph) -> Iterator[str]:
    """Say what planning found."""
    if parts.left_out:
        names = ", ".join(f"{node.name} ({node.kind})" for node in parts.left_out)
        yield f"not part of an archive: {names}"
    if notes.detected_again:
        files = counted(notes.detected_again, "file")
        yield f"the graph's source, detector or model has changed: {files} detected again"
    if notes.joined_again:
        files = counted(notes.joined_again, "file")
        yield (
            f"outputs are missing or the tracker has changed: {files} written again from the"
            " detections that are kept"
        )
    for path in notes.changed[:MOST_LINES]:
        yield f"changed since it was planned, done again: {path}"
    if len(notes.changed) > MOST_LINES:
        yield f"... and {counted(len(notes.changed) - MOST_LINES, 'other file')}"


def progress_text(progress: Progress) -> str:
    """Say how far an archive is, in one line."""
    parts = [
        f"{progress.files_done}/{counted(progress.files, 'file')}",
        f"{progress.failed} failed" if progress.failed else "",
        f"{progress.segments_done}/{counted(progress.segments, 'segment')}",
        f"{hours(progress.seconds_done)} of {hours(progress.seconds)}",
        f"{progress.speed:.1f} x real time",
        "" if progress.left_s is None else f"{clock(progress.left_s)} left",
    ]
    return "  ".join(filter(None, parts))


def report_lines(
    reports: Sequence[FileReport], progress: Progress, folder: ArchiveFolder
) -> Iterator[str]:
    """Say what became of the files of a command."""
    yield ", ".join(filter(None, _summary(reports, progress)))
    failed = [one for one in reports if one.row.state == "failed"]
    listed = reports if len(reports) <= MOST_LINES else failed[:MOST_LINES]
    for one in listed:
        yield f"  {one.row.source_id}: {_account(one)}"
    if len(listed) < len(reports):
        yield f"  ... all {len(reports)} files: {folder.shown(FILES_CSV)}"
    else:
        yield f"  written: {folder.shown(FILES_CSV)}, and a file per source beside it"
    if any(one.row.state == "waiting" for one in reports):
        yield "  the same command goes on where this one has stopped"


def warning_lines(reports: Sequence[FileReport]) -> Iterator[str]:
    """Say what was wrong with the files that this command has done."""
    found = [text for one in reports if not one.was_done for text in one.warnings]
    yield from (f"warning: {text}" for text in found[:MOST_LINES])
    if len(found) > MOST_LINES:
        yield f"warning: ... and {len(found) - MOST_LINES} more: see {FILES_CSV}"


def status_lines(manifest: Manifest) -> Iterator[str]:
    """Say how far an archive is, as its manifest has it."""
    files, totals = manifest.file_counts(), manifest.segment_totals()
    all_files = counted(sum(files.values()), "file")
    yield f"{all_files}: {_by_state(files)}"
    seconds = sum(total.seconds for total in totals.values())
    segments = {state: total.count for state, total in totals.items()}
    yield f"{counted(sum(segments.values()), 'segment')}: {_by_state(segments)}"
    done = totals.get("done", Totals()).seconds
    yield f"{hours(done)} of {hours(seconds)} of video detected"
    for row in manifest.failed()[:MOST_LINES]:
        yield f"  failed: {row.error}"


def print_table(answer: Answer) -> None:
    """Print what a query found as a table for a terminal."""
    table = Table(*answer.columns)
    for row in answer.rows():
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    Console().print(table)


def hours(seconds: float) -> str:
    """Write a length of video: hours, or minutes or seconds where it is short."""
    if seconds >= 3600:
        return f"{seconds / 3600:.2f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def clock(seconds: float) -> str:
    """Write a time to wait: 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _by_state(counts: dict[str, int]) -> str:
    states = ("done", "waiting", "failed")
    return ", ".join(f"{counts.get(state, 0)} {state}" for state in states)


def _summary(reports: Sequence[FileReport], progress: Progress) -> Iterator[str]:
    states = [one.row.state for one in reports]
    yield f"{counted(len(reports), 'file')}: {states.count('done')} done"
    yield _some(sum(one.was_done for one in reports), "of them before")
    yield _some(states.count("failed"), "failed")
    yield _some(states.count("waiting"), "left")
    yield counted(sum(one.value("frames") or 0 for one in reports), "frame")
    now = progress.seconds_now
    yield f"{hours(now)} of video in {progress.elapsed_s:.1f} s ({progress.speed:.1f} x real time)"


def _some(count: int, what: str) -> str:
    return f"{count} {what}" if count else ""


def _account(one: FileReport) -> str:
    row = one.row
    if row.state == "failed":
        return f"failed: {row.error}"
    if row.state == "waiting":
        return "not done yet"
    tracks = one.value("tracks")
    parts = [
        "done before" if one.was_done else "done",
        counted(one.value("frames"), "frame"),
        counted(one.value("objects"), "object"),
        "" if tracks is None else counted(tracks, "track"),
        f"{one.value('dropped')} dropped" if one.value("dropped") else "",
        f"{counted(one.damaged, 'packet')} damaged" if one.damaged else "",
        f"not cut: {row.why_whole}" if row.why_whole else "",
    ]
    return ", ".join(filter(None, parts))
