"""The state of the runs on this machine, read from outside their processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from streamdet.errors import StreamdetError
from streamdet.run.accounting import Accounting
from streamdet.run.description import RunDescription, read_description, read_restarts
from streamdet.run.report import SourceReport, StageReport, stage_reports
from streamdet.system.redaction import redacted
from streamdet.transport.bus import RunAdmin
from streamdet.transport.connection import connect
from streamdet.transport.redis_bus import RedisBus
from streamdet.worker.run_files import read_status as read_worker_status
from streamdet.worker.stage_stats import FRAMES, MEASURES, Histogram, Measure, histogram

WINDOW_S: Final = 1.0
"""Stages commit in batches: over a shorter time their rate would vary too much."""


@dataclass(frozen=True, slots=True)
class StageStatus:
    """One node, as of now.

    Attributes:
        report: its metrics since the start of the run.
        fps: frames per second over the last `WINDOW_S`.
        queue: entries that wait or are being worked on; None where it has no queue.
        runs: the runtime that it uses.
        times: of its frames since the start of the run: latency, and its parts waiting and work.
    """

    report: StageReport
    fps: float
    queue: int | None
    runs: str
    times: Mapping[Measure, Histogram] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """The slots for images of one node.

    Attributes:
        name: the node.
        slots: how many there are.
        free: how many of them nobody holds.
    """

    name: str
    slots: int
    free: int


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One run, as of now.

    Attributes:
        run_id: names the run.
        graph: the graph's name; None while it starts.
        pid: the supervisor's process id; None while it starts.
        problem: why the metrics cannot be read, in a few words; None where they can.
        elapsed_s: seconds since the first worker's start.
        restarts: how often a worker was restarted.
        sources: one entry a source.
        stages: one entry a node.
        pools: one entry a node whose images others read.
        redis_bytes: what the run's server holds in memory, of other programs too; None where it
            does not tell.
    """

    run_id: str
    graph: str | None = None
    pid: int | None = None
    problem: str | None = None
    elapsed_s: float = 0.0
    restarts: int = 0
    sources: tuple[SourceReport, ...] = ()
    stages: tuple[StageStatus, ...] = ()
    pools: tuple[PoolStatus, ...] = ()
    redis_bytes: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The status as plain values, for JSON."""
        stages = [
            asdict(stage.report) | {"fps": stage.fps, "queue": stage.queue, "runs": stage.runs}
            for stage in self.stages
        ]
        return asdict(replace(self, stages=())) | {"stages": stages}


def run_statuses(
    folders: list[Path], wait: Callable[[float], None] = time.sleep
) -> list[RunStatus]:
    """Read the runs' metrics twice, `WINDOW_S` apart.

    Args:
        folders: the runs' folders.
        wait: lets that many seconds pass.
    """
    readers = [_Reader(folder) for folder in folders]
    for reader in readers:
        reader.read_counters()
    if readers:
        wait(WINDOW_S)
    statuses = [reader.status() for reader in readers]
    for reader in readers:
        reader.close()
    return statuses


class _Reader:
    """Reads one run's metrics, and changes nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._description = read_description(folder)
        self._bus: RedisBus | None = None
        self._seen: Mapping[str, int] = {}
        self._seen_s = time.monotonic()

    def read_counters(self) -> None:
        """Remember the counters as they are now."""
        if self._description is None:
            return
        try:
            self._bus = RedisBus(connect(self._description.redis_url), self._description.layout)
            self._seen, self._seen_s = self._bus.counters(), time.monotonic()
        except StreamdetError:
            return  # `status` gets the same error and reports it

    def status(self) -> RunStatus:
        """Read all metrics, or say why they cannot be read."""
        if self._description is None or self._bus is None:
            return RunStatus(self._folder.name, problem="starting")
        try:
            return self._read(self._bus, self._description)
        except StreamdetError as exc:
            return RunStatus(
                self._description.run_id,
                self._description.graph,
                self._description.pid,
                problem=redacted(str(exc)),
            )

    def close(self) -> None:
        """Close the connection."""
        if self._bus is not None:
            self._bus.close()

    def _read(self, bus: RunAdmin, run: RunDescription) -> RunStatus:
        bus.finished()  # raises where the run's keys are gone
        sources = Accounting(bus, run.sources).source_reports()
        return RunStatus(
            run_id=run.run_id,
            graph=run.graph,
            pid=run.pid,
            elapsed_s=time.monotonic() - run.started_s,
            restarts=read_restarts(self._folder),
            sources=sources,
            stages=self._stages(bus, run),
            pools=tuple(
                PoolStatus(name, run.layout.pools[name], free)
                for name, free in bus.free_slots().items()
            ),
            redis_bytes=bus.memory_bytes(),
        )

    def _stages(self, bus: RunAdmin, run: RunDescription) -> tuple[StageStatus, ...]:
        queues, counters = bus.queue_lengths(), bus.counters()
        window_s = max(1e-3, time.monotonic() - self._seen_s)
        runtimes = _runtimes(self._folder, run)
        reports = stage_reports({name: s.kind for name, s in run.stages.items()}, counters)
        return tuple(
            StageStatus(
                report=report,
                fps=(report.frames - self._seen.get(FRAMES + report.node, 0)) / window_s,
                queue=queues.get(run.stages[report.node].queue or ""),
                runs=runtimes.get(report.node, report.kind),
                times={each: histogram(counters, each, report.node) for each in MEASURES},
            )
            for report in reports
        )


def _runtimes(folder: Path, run: RunDescription) -> dict[str, str]:
    statuses = (read_worker_status(folder, consumer) for consumer in run.consumers)
    return {node: name for each in statuses for node, name in each.get("runtimes", {}).items()}
