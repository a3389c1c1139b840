"""Watches a run from start to end: keeps its workers running, reads metrics, handles signals."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from streamdet.config.deploy import DeploySettings
from streamdet.errors import EngineError, StreamdetError, TransportError
from streamdet.run.accounting import Accounting
from streamdet.run.report import SourceReport
from streamdet.transport.bus import RunAdmin, RunLostError
from streamdet.worker.stage_stats import progress

TICK_S: Final = 0.1
READ_PAUSE: Final = 10
"""After a read that took t, wait at least 10 t before the next: reading takes at most about a tenth
of the time."""


class _StoppedAtOnceError(Exception):
    """The user asked twice, draining took too long, or the server does not answer."""


class Workers(Protocol):
    """The methods of processes.Processes that the monitor calls."""

    def start_due(self) -> None:
        """Start every worker that is not running and whose pause is over."""
        ...

    def watch(self, wait_s: float) -> None:
        """Wait for workers to end, and plan their restarts."""
        ...

    def silent(self) -> tuple[str, ...]:
        """Say which workers sent no heartbeat and were killed since the run last progressed."""
        ...

    def sinks_are_done(self) -> bool:
        """Whether every worker with a sink has written all that was committed, and ended."""
        ...


class Metrics:
    """The metrics of a run as last read; they stay when the server is gone.

    Args:
        bus: the run's bus.
        accounting: of the same run.
        clock: monotonic seconds.

    Attributes:
        accounting: the same.
        clock: the same.
        sources: every source.
        counters: the statistics.
        progress: grows whenever the run makes progress.
    """

    def __init__(
        self, bus: RunAdmin, accounting: Accounting, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._bus = bus
        self.accounting = accounting
        self.clock = clock
        self._started_s = clock()
        self.sources: tuple[SourceReport, ...] = ()
        self.counters: dict[str, int] = {}
        self.progress = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first worker's start."""
        return self.clock() - self._started_s

    def read(self) -> bool:
        """Read all metrics; returns whether every source has ended at every sink.

        Raises:
            RunLostError: the run's keys are gone.
            TransportError: the server does not answer.
        """
        self._bus.keep_alive()
        finished = self._bus.finished()
        self.counters = self._bus.counters()
        self.sources = self.accounting.source_reports()
        self.progress = progress(self.counters)
        return finished >= self.accounting.ends_expected


class Monitor:
    """Watches one run.

    Args:
        bus: the run's bus.
        processes: its workers.
        metrics: of the same run.
        settings: the time limits.
        is_embedded: whether the server is the run's own, which is not restarted.
        warn: called with a sentence when the server does not answer.

    Attributes:
        is_consumer_busy: asked whether the run waits for the program that takes its results,
            which is no stall; may be replaced.
        is_endless: whether the run goes on until it is asked to stop: cameras may come; may be
            replaced.
        on_tick: called after every look at the workers, about ten times a second, until the run is
            asked to stop; may be replaced.
    """

    def __init__(
        self,
        bus: RunAdmin,
        processes: Workers,
        metrics: Metrics,
        settings: DeploySettings,
        *,
        is_embedded: bool,
        warn: Callable[[str], None] = lambda warning: None,
    ) -> None:
        self._bus = bus
        self._processes = processes
        self._metrics = metrics
        self._settings = settings
        self._is_embedded = is_embedded
        self._warn = warn
        self.is_consumer_busy: Callable[[], bool] = lambda: False
        self.is_endless = False
        self.on_tick: Callable[[], None] = lambda: None
        self._drain_until_s: float | None = None
        self._clock = metrics.clock
        self._seen_progress, self._progress_s = 0, self._clock()
        self._read_due_s = 0.0

    def run(self, stops: Callable[[], int], show: Callable[[], None]) -> tuple[str, str | None]:
        """Keep the workers going until the run is over.

        Args:
            stops: how many stop signals have come.
            show: called after every check.

        Returns:
            The outcome ("done", "stopped" or "failed") and, if it failed, why.
        """
        if stops():
            return "stopped", None  # no worker runs yet, so there is nothing to drain
        try:
            while not self._is_over(stops):
                show()
        except _StoppedAtOnceError:
            return "stopped", None
        except StreamdetError as exc:
            return "failed", str(exc)
        return ("stopped" if stops() else "done"), None

    def _is_over(self, stops: Callable[[], int]) -> bool:
        self._check_stops(stops())
        self._processes.start_due()
        self._processes.watch(TICK_S)
        try:
            if not stops():
                self.on_tick()
            is_over = self._clock() >= self._read_due_s and self._read_metrics()
            return is_over and (stops() > 0 or not self.is_endless)
        except RunLostError:
            raise
        except TransportError:
            self._wait_for_server(stops)
            return False

    def _check_stops(self, stops: int) -> None:
        if not stops:
            return
        if self._drain_until_s is None:
            self._drain_until_s = self._clock() + self._settings.drain_s
            try:
                self._bus.request_stop()
            except TransportError as exc:
                raise _StoppedAtOnceError from exc
        if stops > 1 or self._clock() > self._drain_until_s:
            raise _StoppedAtOnceError

    def _read_metrics(self) -> bool:
        """Read the metrics; returns whether every source has ended and every sink is closed."""
        started_s = self._clock()
        has_ended = self._metrics.read()
        now_s = self._clock()
        self._read_due_s = now_s + READ_PAUSE * (now_s - started_s)
        if self._metrics.progress != self._seen_progress or self.is_consumer_busy():
            self._seen_progress, self._progress_s = self._metrics.progress, now_s
        elif now_s - self._progress_s > 2 * self._settings.stall_s:
            still = f"nothing has moved for {now_s - self._progress_s:.0f} s"
            raise EngineError("; ".join((still, *self._processes.silent())))
        return has_ended and self._processes.sinks_are_done()

    def _wait_for_server(self, stops: Callable[[], int]) -> None:
        """Wait for a server that does not answer; an embedded one is not restarted.

        Raises:
            TransportError: it did not answer in time.
        """
        if self._is_embedded:
            raise TransportError(
                "the embedded Redis server has ended, and the run with it; files end at the last"
                " committed frame"
            )
        wait_s = self._settings.redis_wait_s
        self._warn(f"redis: {self._settings.redis} does not answer, waiting up to {wait_s:g} s")
        deadline = self._clock() + wait_s
        while self._clock() < deadline:
            self._check_stops(stops())
            self._processes.watch(TICK_S)
            self._progress_s = self._clock()
            with suppress(TransportError):
                self._bus.finished()
                return
        raise TransportError(f"redis: {self._settings.redis} has not answered for {wait_s:g} s")
