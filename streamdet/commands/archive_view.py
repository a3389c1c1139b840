"""How far an archive is: a line that changes on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import Progress as RichProgress
from rich.progress import TextColumn

from streamdet.archive.progress import Progress
from streamdet.commands.archive_text import progress_text
from streamdet.commands.progress_view import PLAIN_EVERY_S


class ArchiveView(Protocol):
    """Shows progress."""

    def planned(self, done: int, total: int) -> None:
        """Show how many files have been planned."""
        ...

    def show(self, progress: Progress) -> None:
        """Show how far the archive is."""
        ...

    def warn(self, warning: str) -> None:
        """Print what may be wrong."""
        ...

    def note(self, note: str) -> None:
        """Print what was chosen."""
        ...


@contextmanager
def archive_view(stream: TextIO) -> Iterator[ArchiveView]:
    """Make the view that suits a stream."""
    if not stream.isatty():
        yield PlainView(stream)
        return
    columns = (TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.description}"))
    with RichProgress(*columns, console=Console(file=stream), transient=True) as progress:
        yield LineView(progress)


class LineView:
    """A line at the foot of a terminal, short enough for 80 columns."""

    def __init__(self, progress: RichProgress) -> None:
        self._progress = progress
        self._task = progress.add_task("starting", total=None)

    def planned(self, done: int, total: int) -> None:
        """Change the line."""
        self._progress.update(
            self._task, description="files looked at", completed=done, total=total
        )

    def show(self, progress: Progress) -> None:
        """Change the line."""
        self._progress.update(
            self._task,
            description=progress_text(progress),
            completed=progress.seconds_done,
            total=max(progress.seconds, 1e-9),
        )

    def warn(self, warning: str) -> None:
        """Print above the line."""
        self.note(f"warning: {warning}")

    def note(self, note: str) -> None:
        """Print above the line."""
        self._progress.console.print(note, highlight=False, markup=False)


class PlainView:
    """A line every few seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._due_s = time.monotonic() + PLAIN_EVERY_S

    def planned(self, done: int, total: int) -> None:
        """Print a line, if it is time for one."""
        self._print(f"{done}/{total} files looked at")

    def show(self, progress: Progress) -> None:
        """Print a line, if it is time for one."""
        self._print(progress_text(progress))

    def warn(self, warning: str) -> None:
        """Print a warning to stderr."""
        print(f"warning: {warning}", file=sys.stderr, flush=True)

    def note(self, note: str) -> None:
        """Print a line."""
        print(note, file=self._stream, flush=True)

    def _print(self, line: str) -> None:
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + PLAIN_EVERY_S
            print(line, file=self._stream, flush=True)
