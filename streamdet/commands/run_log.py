"""What `streamdet run` says while it lasts and at its end: as text, or as a JSON object a line."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol, TextIO

from streamdet.commands.progress_view import PLAIN_EVERY_S, ProgressView, progress_view
from streamdet.commands.report_text import report_lines
from streamdet.formats.frame_json import rfc3339
from streamdet.run.report import CameraReport, Report, Snapshot


class RunLog(Protocol):
    """Where a run says what happens."""

    def show(self, snapshot: Snapshot) -> None:
        """Say now and then how far the run is."""
        ...

    def print(self, line: str) -> None:
        """Say what has been published."""
        ...

    def note(self, line: str) -> None:
        """Say what was chosen for the run."""
        ...

    def camera(self, source_id: str, camera: CameraReport) -> None:
        """Say that a camera's state has changed."""
        ...

    def change(self, line: str) -> None:
        """Say that somebody has changed the cameras or the graph."""
        ...

    def warn(self, warning: str) -> None:
        """Say what may be wrong."""
        ...

    def error(self, error: str) -> None:
        """Say what is wrong."""
        ...

    def end(self, report: Report, written: Sequence[Path], kept: Sequence[Path]) -> None:
        """Say what became of the run, with what was wrong.

        Args:
            report: the run.
            written: files that it has written.
            kept: outputs of an earlier run that it has left as they were.
        """
        ...


def add_log_argument(parser: ArgumentParser) -> None:
    """Add `--log`."""
    parser.add_argument(
        "--log",
        choices=("text", "json"),
        default="text",
        help="json: one object a line on stdout, the report as the last one",
    )


@contextmanager
def run_log(
    form: Literal["text", "json"], stream: TextIO, *, with_stages: bool = False
) -> Iterator[RunLog]:
    """Make the log of a form; it may be used after the block, too.

    Args:
        form: text for people, or a JSON object a line.
        stream: where it goes.
        with_stages: the text's report has the table of stages.
    """
    if form == "json":
        yield JsonLog(stream)
        return
    with progress_view(stream) as view:
        yield TextLog(view, stream, with_stages=with_stages)


def complain(report: Report, log: RunLog) -> None:
    """Say what was wrong with the sources and with the run."""
    for source in report.sources:
        for warning in source.warnings:
            log.warn(warning)
        if source.failure is not None:
            log.error(source.failure)
    if report.failure is not None:
        log.error(report.failure)


class TextLog:
    """Lines for people: complaints go to stderr."""

    def __init__(self, view: ProgressView, stream: TextIO, *, with_stages: bool) -> None:
        self._view = view
        self._with_stages = with_stages
        self._stream = stream
        self.show = view.show
        self.print = self.note = view.print

    def camera(self, source_id: str, camera: CameraReport) -> None:
        """Print a camera's state."""
        self._view.print(f"{source_id}: {camera}")

    def change(self, line: str) -> None:
        """Print what was changed."""
        self._view.print(line)

    def warn(self, warning: str) -> None:
        """Print a warning."""
        print(f"warning: {warning}", file=sys.stderr)

    def error(self, error: str) -> None:
        """Print an error."""
        print(f"error: {error}", file=sys.stderr)

    def end(self, report: Report, written: Sequence[Path], kept: Sequence[Path]) -> None:
        """Print the report, then the complaints."""
        for line in report_lines(report, written, with_stages=self._with_stages):
            print(line, file=self._stream)
        for path in kept:
            print(f"  left as it was: {path}: no frame came", file=self._stream)
        self._stream.flush()
        complain(report, self)


class JsonLog:
    """Objects for programs, all on one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._due_s = time.monotonic() + PLAIN_EVERY_S

    def show(self, snapshot: Snapshot) -> None:
        """Write how far the run is, if it is time for that."""
        if time.monotonic() < self._due_s:
            return
        self._due_s = time.monotonic() + PLAIN_EVERY_S
        frames = {name: getattr(snapshot, name) for name in ("emitted", "published", "dropped")}
        elapsed_s = round(snapshot.elapsed_s, 3)
        self._write("info", "progress", **frames, expected=snapshot.expected, elapsed_s=elapsed_s)

    def print(self, line: str) -> None:
        """Write what has been published."""
        self._write("info", "published", message=line)

    def note(self, line: str) -> None:
        """Write what was chosen."""
        self._write("info", "note", message=line)

    def camera(self, source_id: str, camera: CameraReport) -> None:
        """Write a camera's state: a camera that is away is worth a warning."""
        level = "warning" if camera.state in ("stalled", "lost", "refused") else "info"
        self._write(level, "camera", source_id=source_id, state=camera.state, reason=camera.reason)

    def change(self, line: str) -> None:
        """Write what was changed."""
        self._write("info", "change", message=line)

    def warn(self, warning: str) -> None:
        """Write a warning."""
        self._write("warning", "warning", message=warning)

    def error(self, error: str) -> None:
        """Write an error."""
        self._write("error", "error", message=error)

    def end(self, report: Report, written: Sequence[Path], kept: Sequence[Path]) -> None:
        """Write the complaints, then the report."""
        complain(report, self)
        files = {"written": [*map(str, written)], "kept": [*map(str, kept)]}
        self._write("info", "report", report=report.as_dict(), **files)

    def _write(self, level: str, event: str, **values: Any) -> None:
        body = {"time": rfc3339(time.time_ns()), "level": level, "event": event, **values}
        print(json.dumps(body, ensure_ascii=False), file=self._stream, flush=True)
