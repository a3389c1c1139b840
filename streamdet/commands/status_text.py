"""How a run is doing, for people to read."""

from __future__ import annotations

from collections.abc import Iterator

from streamdet.commands.camera_text import camera_lines, cameras_live
from streamdet.commands.report_text import TIMES, columns, counted, found, times
from streamdet.run.report import SourceReport, total_expected
from streamdet.run.status import RunStatus


def status_lines(status: RunStatus, *, with_stages: bool = False) -> Iterator[str]:
    """Tell how a run is doing, line by line; of its stages only if asked to."""
    yield f"run {status.run_id}: {', '.join(_standing(status))}"
    for source in status.sources:
        if source.camera is None:
            emitted = f"{source.emitted}{'' if source.expected is None else f'/{source.expected}'}"
            in_flight = f"{source.unfinished} in flight, " if source.unfinished else ""
            yield f"  {source.source_id}: {emitted} emitted, {in_flight}{_ends(source)}"
    yield from camera_lines(status.sources, "in flight")
    if status.stages and with_stages:
        yield from _stage_lines(status)


def _stage_lines(status: RunStatus) -> Iterator[str]:
    width = max(len(stage.report.node) for stage in status.stages)
    yield columns("stage", width, ("fps", "queue", *TIMES), "what runs it")
    for stage in status.stages:
        queue = "-" if stage.queue is None else str(stage.queue)
        metrics = (f"{stage.fps:.1f}", queue, *times(stage.report))
        yield columns(stage.report.node, width, metrics, stage.runs)


def _ends(source: SourceReport) -> str:
    drops = [f"{count} dropped ({reason})" for reason, count in sorted(source.dropped.items())]
    return ", ".join([*(drops or ["0 dropped"]), f"{source.published} published"])


def _standing(status: RunStatus) -> Iterator[str]:
    if status.graph is not None:
        yield status.graph
    if status.problem is not None:
        yield status.problem
        return
    yield f"{status.elapsed_s:.1f} s"
    yield from cameras_live(status.sources)
    yield found(status.sources, total_expected(status.sources))
    yield counted(status.restarts, "restart")
    yield f"process {status.pid}"
