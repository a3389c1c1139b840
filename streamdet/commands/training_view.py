"""How far a training is: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from streamdet.commands.progress_view import PLAIN_EVERY_S
from streamdet.training.loop import Event, Measured, StepDone


class TrainingView(Protocol):
    """Shows what happens."""

    def show(self, event: Event) -> None:
        """Show how far the training is."""
        ...


@contextmanager
def training_view(stream: TextIO, first: int, steps: int, epochs: int) -> Iterator[TrainingView]:
    """Make the view that suits a stream.

    Args:
        stream: a terminal or not.
        first: steps that were made before.
        steps: of the whole training.
        epochs: of the whole training.
    """
    if not stream.isatty():
        yield PlainTraining(stream, first, steps, epochs)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[metrics]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        yield BarTraining(progress, first, steps, epochs)


class BarTraining:
    """A bar at the foot of a terminal, measurements above it."""

    def __init__(self, progress: Progress, first: int, steps: int, epochs: int) -> None:
        self._progress = progress
        self._epochs = epochs
        self._task = progress.add_task("training", total=steps, completed=first, metrics="")

    def show(self, event: Event) -> None:
        """Move the bar, or print a measurement above it."""
        if isinstance(event, Measured):
            line = measured_line(event, self._epochs)
            self._progress.console.print(line, highlight=False, markup=False)
            return
        self._progress.update(
            self._task,
            completed=event.step,
            description=f"epoch {event.epoch}/{self._epochs}",
            metrics=_loss(event),
        )


class PlainTraining:
    """A line every few seconds, and one for each measurement."""

    def __init__(self, stream: TextIO, first: int, steps: int, epochs: int) -> None:
        self._stream = stream
        self._first, self._steps, self._epochs = first, steps, epochs
        self._start_s = time.monotonic()
        self._due_s = self._start_s + PLAIN_EVERY_S

    def show(self, event: Event) -> None:
        """Print a line, if it is time for one."""
        now_s = time.monotonic()
        if isinstance(event, Measured):
            self._print(measured_line(event, self._epochs))
        elif now_s >= self._due_s:
            self._due_s = now_s + PLAIN_EVERY_S
            per_step_s = (now_s - self._start_s) / (event.step - self._first)
            left = _duration((self._steps - event.step) * per_step_s)
            self._print(
                f"step {event.step}/{self._steps}  epoch {event.epoch}/{self._epochs}"
                f"  {_loss(event)}  {left} left"
            )

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def measured_line(event: Measured, epochs: int) -> str:
    """Say what was measured, in one line."""
    metrics = "  ".join(f"{name} {value:.3f}" for name, value in event.metrics.items())
    if event.step == 0:
        return f"before training: {metrics}"
    return f"epoch {event.epoch}/{epochs}: {metrics}{'  best so far' if event.is_best else ''}"


def worse_than_start(metric: str, start: float, result: float | None) -> str | None:
    """Say that a training made its model worse, in one sentence; None where it did not."""
    if result is None or result >= start:
        return None
    return (
        f"the result is worse than what the training began with on the same images: {metric}"
        f" {result:.3f} after {start:.3f}"
    )


def _loss(event: StepDone) -> str:
    parts = " + ".join(f"{name} {value:.3g}" for name, value in event.losses.items())
    return f"loss {sum(event.losses.values()):.3g} = {parts}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
