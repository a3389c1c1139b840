"""A run's report for people to read."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from streamdet.commands.camera_text import camera_lines, cameras_live
from streamdet.run.report import Report, SourceReport, StageReport

TIMES: Final = ("work ms", "work p50", "p95", "wait p50", "p95", "all p50", "p95")
"""Milliseconds: see the table in docs/commands.md."""
_TIME_WIDTH: Final = 8


def add_stages_argument(parser: ArgumentParser) -> None:
    """Add `--stages`."""
    parser.add_argument(
        "--stages",
        action="store_true",
        help="print a table of the stages, too: what each one took and what ran it",
    )


def report_lines(
    report: Report, written: Iterable[Path] = (), *, with_stages: bool = False
) -> Iterator[str]:
    """Tell what a run did, line by line.

    Args:
        report: the run.
        written: files that it has written, in order.
        with_stages: list the stages, too.
    """
    yield f"{report.graph}: {', '.join(_outcome(report))}"
    for source in report.sources:
        if source.camera is None:
            yield f"  {source.source_id}: {_account(source)}"
    yield from camera_lines(report.sources, "unfinished")
    if with_stages:
        yield from _stage_lines(report)
    if files := list(map(str, written)):
        yield f"  written: {files[0]}"
        yield from (f"           {file}" for file in files[1:])


def _stage_lines(report: Report) -> Iterator[str]:
    width = max(len(stage.node) for stage in report.stages)
    yield columns("stage", width, TIMES, "what runs it")
    for stage in report.stages:
        runs = report.runtimes.get(stage.node, stage.kind)
        yield columns(stage.node, width, times(stage), runs)
    yield from (f"  {node}: {note}" for node, note in report.inputs.items())


def found(sources: Sequence[SourceReport], expected: int | None = None) -> str:
    """Say what was found in how many frames: 741 objects, 7 tracks in 242 frames.

    Args:
        sources: where.
        expected: frames that there will be in the end: in 242/1854 frames.
    """
    frames = sum(source.published for source in sources)
    of = counted(frames, "frame") if expected is None else f"{frames}/{counted(expected, 'frame')}"
    return f"{_objects(sources)} in {of}"


def _objects(sources: Sequence[SourceReport]) -> str:
    """Say how many objects, and tracks where there was a tracker."""
    objects = counted(sum(source.objects for source in sources), "object")
    tracks = [source.tracks for source in sources if source.tracks is not None]
    return f"{objects}, {counted(sum(tracks), 'track')}" if tracks else objects


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
    yield found(report.sources)
    yield f"{report.wall_s:.1f} s"
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
        f"{source.published} published with {_objects([source])}",
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
