"""A run's report for people to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from streamdet.commands.camera_text import camera_lines, cameras_live
from streamdet.run.report import Report, SourceReport, StageReport

TIMES: Final = ("work ms", "work p50", "p95", "wait p50", "p95", "all p50", "p95")
"""Milliseconds: a frame's share of the work; then the batch's work, the wait before, and both."""
_TIME_WIDTH: Final = 8


def report_lines(report: Report, written: Iterable[Path] = ()) -> Iterator[str]:
    """Tell what a run did, line by line.

    Args:
        report: the run.
        written: files that its sinks write, in order; those that exist are listed.
    """
    yield f"{report.graph}: {', '.join(_outcome(report))}"
    for source in report.sources:
        if source.camera is None:
            yield f"  {source.source_id}: {_account(source)}"
    yield from camera_lines(report.sources, "unfinished")
    width = max(len(stage.node) for stage in report.stages)
    yield columns("stage", width, TIMES, "what runs it")
    for stage in report.stages:
        runs = report.runtimes.get(stage.node, stage.kind)
        yield columns(stage.node, width, times(stage), runs)
    if files := [str(path) for path in written if path.exists()]:
        yield f"  written: {files[0]}"
        yield from (f"           {file}" for file in files[1:])


def times(stage: StageReport) -> tuple[str, ...]:
    """Write what `TIMES` names."""
    times = (
        *(stage.work_ms, stage.work_p50_ms, stage.work_p95_ms),
        *(stage.waiting_p50_ms, stage.waiting_p95_ms),
        *(stage.latency_p50_ms, stage.latency_p95_ms),
    )
    return tuple(map(_ms, times))


def columns(name: str, width: int, numbers: Iterable[str], last: str) -> str:
    """Write a line of a table of stages: a name, numbers, a text."""
    cells = (f"{number:>{_TIME_WIDTH}}" for number in numbers)
    return "  ".join((f"  {name:<{width}}", *cells, last))


def counted(count: int, one: str, many: str | None = None) -> str:
    """Say how many: 1 frame, 2 frames.

    Args:
        count: how many.
        one: what, of one.
        many: what, of any other number; `one` with an s by default.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def _outcome(report: Report) -> Iterator[str]:
    yield report.outcome
    yield from cameras_live(report.sources)
    if failed := sum(source.failure is not None for source in report.sources):
        yield f"{failed} of {counted(len(report.sources), 'source')} failed"
    published = sum(source.published for source in report.sources)
    yield f"{counted(published, 'frame')} published in {report.wall_s:.1f} s"
    yield f"{report.fps:.1f} fps"
    if dropped := sum(sum(source.dropped.values()) for source in report.sources):
        yield f"{dropped} dropped"
    if report.restarts:
        yield counted(report.restarts, "restart")


def _account(source: SourceReport) -> str:
    parts = [
        f"{source.decoded} decoded",
        f"{source.sampled_away} sampled away" if source.sampled_away else "",
        *(f"{count} dropped ({reason})" for reason, count in sorted(source.dropped.items())),
        f"{source.unfinished} unfinished" if source.unfinished else "",
        f"{source.published} published",
        f"{counted(source.damaged, 'packet')} damaged" if source.damaged else "",
        "failed" if source.failure is not None else "",
    ]
    return ", ".join(filter(None, parts))


def _ms(value: float | None) -> str:
    """Write milliseconds with three digits, but never fewer than those before the point."""
    if value is None:
        return "-"
    decimals = next((n for n, limit in enumerate((100, 10)) if value >= limit), 2)
    return f"{value:.{decimals}f}"
