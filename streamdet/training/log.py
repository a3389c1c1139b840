"""What a training did: a line of JSON for each step and each measurement, and curves of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from streamdet.evaluation.extra import import_extra
from streamdet.system.atomic_file import write_whole, written_whole
from streamdet.training.loop import Event

LOG: Final = "log.jsonl"
CURVES: Final = "curves.png"
_SMOOTH: Final = 50  # a drawn loss is the mean of so many parts of the training at most


class Log:
    """Appends to log.jsonl; lines of steps that are made again are taken out first."""

    def __init__(self, folder: Path, step: int, measured: int) -> None:
        """Open the log of a training that goes on after `step`; last measured after another."""
        self._path = folder / LOG
        # Before the first step nothing is kept: what it begins with is measured again.
        kept = [
            line
            for line in (read_log(folder) if step else ())
            if line["step"] <= (measured if "metrics" in line else step)
        ]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        write_whole(self._path, text.encode())

    def write(self, event: Event) -> None:
        """Append a line."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(event)) + "\n")


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Read the lines of a log; one that was cut off by a kill is left out."""
    lines = []
    path = folder / LOG
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines


def baseline(folder: Path) -> dict[str, float] | None:
    """Read what was measured before the first step; None where nothing was."""
    first = (line["metrics"] for line in read_log(folder) if "metrics" in line and not line["step"])
    return next(first, None)


def draw_curves(folder: Path) -> Path:
    """Draw losses, learning rate and metrics of a training's log into curves.png.

    Raises:
        ConfigError: matplotlib is missing.
    """
    figure_class = import_extra("matplotlib.figure").Figure
    lines = read_log(folder)
    steps = [line for line in lines if "losses" in line]
    measured = [line for line in lines if "metrics" in line]
    figure = figure_class(figsize=(7.0, 8.0), dpi=100, layout="constrained")
    losses, rate, metrics = figure.subplots(3, sharex=True, height_ratios=(3, 1, 2))
    for name in steps[0]["losses"] if steps else ():
        losses.plot(*_means([(line["step"], line["losses"][name]) for line in steps]), label=name)
    losses.set(ylabel="loss", yscale="log")
    rate.plot([line["step"] for line in steps], [line["rate"] for line in steps])
    rate.set(ylabel="learning rate")
    for name in measured[0]["metrics"] if measured else ():
        points = [(line["step"], line["metrics"][name]) for line in measured]
        metrics.plot(*zip(*points, strict=True), marker="o", label=name)
    metrics.set(ylabel="validation", xlabel="step", ylim=(0, 1))
    for axes in (losses, metrics):
        if axes.lines:
            axes.legend()
    path = folder / CURVES
    with written_whole(path) as file:
        figure.savefig(file, format="png")
    return path


def _means(points: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    """Average neighbours; each mean stands at its last step."""
    size = max(1, len(points) // _SMOOTH)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return (
        [group[-1][0] for group in groups],
        [sum(value for _, value in group) / len(group) for group in groups],
    )
