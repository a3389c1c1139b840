"""How far a run is: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from streamdet.run.report import Snapshot

PLAIN_EVERY_S: Final = 5.0


class ProgressView(Protocol):
    """Shows snapshots."""

    def show(self, snapshot: Snapshot) -> None:
        """Show how far the run is."""
        ...

    def print(self, line: str) -> None:
        """Print a line without disturbing what is shown."""
        ...


@contextmanager
def progress_view(stream: TextIO) -> Iterator[ProgressView]:
    """Make the view that suits a stream."""
    if not stream.isatty():
        yield PlainView(stream)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[metrics]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        yield BarView(progress)


class BarView:
    """A bar at the foot of a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("starting", total=None, metrics="")

    def show(self, snapshot: Snapshot) -> None:
        """Move the bar."""
        finished = snapshot.published + snapshot.dropped
        self._progress.update(
            self._task,
            description="frames",
            completed=finished,
            total=snapshot.expected,
            metrics=metrics(snapshot),
        )

    def print(self, line: str) -> None:
        """Print above the bar."""
        self._progress.console.print(line, highlight=False, markup=False)


class PlainView:
    """A line every few seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._due_s = time.monotonic() + PLAIN_EVERY_S

    def show(self, snapshot: Snapshot) -> None:
        """Print a line, if it is time for one."""
        if time.monotonic() >= self._due_s:
            self._due_s += PLAIN_EVERY_S
            self.print(metrics(snapshot))

    def print(self, line: str) -> None:
        """Print a line."""
        print(line, file=self._stream, flush=True)


def metrics(snapshot: Snapshot) -> str:
    """Say how far a run is, in one line."""
    finished = snapshot.published + snapshot.dropped
    total = "" if snapshot.expected is None else f"/{snapshot.expected}"
    frames = "frame" if f"{finished}{total}" == "1" else "frames"
    fps = finished / max(1e-9, snapshot.elapsed_s)
    return (
        f"{finished}{total} {frames}  {fps:.1f} fps  {snapshot.emitted - finished} in flight"
        f"  {snapshot.dropped} dropped"
    )
