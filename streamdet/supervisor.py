"""A run from start to end: server, pools, workers, and the signals that stop it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Final

from streamdet.errors import EngineError, StreamdetError, TransportError
from streamdet.fleet import Fleet, probe
from streamdet.graph import PipelineGraph
from streamdet.ledger import Ledger
from streamdet.plan import RunPlan, class_names, plan_pools, run_layout, worker_plans
from streamdet.probe import probe_node, probe_path, read_probes
from streamdet.report import Report, Snapshot, SourceReport, stage_reports
from streamdet.settings import DeploySettings
from streamdet.sources import SourceInfo
from streamdet.transport.bus import RunLostError
from streamdet.transport.connection import check_server, connect
from streamdet.transport.embedded import EmbeddedRedis
from streamdet.transport.redis_bus import RedisBus, delete_run
from streamdet.transport.run_folder import ADDRESS_FILE, RunFolder, sweep
from streamdet.transport.shm_pool import ShmPool
from streamdet.url_text import redacted

TICK_S: Final = 0.1
PROBE_LIMIT_S: Final = 10.0
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Runs one graph on this machine.

    Args:
        graph: what to run.
        settings: the machine.
        on_progress: called about ten times a second.

    Attributes:
        on_progress: the same, may be replaced.
        redis_url: the run's server, once it has started; holds the password, never show it.
    """

    def __init__(
        self,
        graph: PipelineGraph,
        settings: DeploySettings,
        on_progress: Callable[[Snapshot], None] = lambda snapshot: None,
    ) -> None:
        self._graph = graph
        self._settings = settings
        self.on_progress = on_progress
        self.redis_url = ""
        self._stops = 0
        self._sources: tuple[SourceReport, ...] = ()
        self._counters: dict[str, int] = {}

    def run(self) -> Report:
        """Run the graph to its end.

        Raises:
            StreamdetError: it could not be started.
        """
        with ExitStack() as stack, self._signals():
            swept = sweep()
            folder = RunFolder.create()
            stack.callback(folder.remove)
            url = self._start_server(stack, folder)
            self.redis_url = url
            client = connect(url)
            stack.callback(client.close)
            warnings = check_server(client, url) if not self._settings.is_embedded else []
            for run_id in swept:
                delete_run(client, run_id)
            return self._run(stack, folder, url, tuple(warnings))

    def _start_server(self, stack: ExitStack, folder: RunFolder) -> str:
        self._server = None
        if not self._settings.is_embedded:
            return self._settings.redis.reveal()
        self._server = EmbeddedRedis(folder.path)
        stack.callback(self._server.stop)
        (folder.path / ADDRESS_FILE).write_text(self._server.url)
        return self._server.url

    def _run(
        self, stack: ExitStack, folder: RunFolder, url: str, warnings: tuple[str, ...]
    ) -> Report:
        infos = self._probe(folder)
        run = self._plan(folder, url, infos)
        for pool in run.pools.values():
            ShmPool.create(pool.path, pool.slots, pool.slot_bytes).close()
        self._bus = RedisBus(connect(url), run.layout)
        stack.callback(self._bus.close)
        self._bus.create(run.layout)
        stack.callback(self._forget_run)
        self._ledger = Ledger(self._bus, self._graph, run)
        plans = worker_plans(self._graph, run)
        self._fleet = Fleet(plans, self._settings, folder.path, self._progress)
        stack.callback(self._fleet.stop)
        self._drain_until_s: float | None = None
        self._started_s = self._moved_s = time.monotonic()
        self._seen_progress = 0
        outcome, failure = self._watch(_expected(run, infos))
        return self._report(run, outcome, failure, warnings)

    def _probe(self, folder: RunFolder) -> dict[str, SourceInfo]:
        sources = self._graph.role("source")
        targets = [(probe_node, (node, probe_path(folder.path, node))) for node in sources]
        probe(targets, folder.path, PROBE_LIMIT_S, is_over=lambda: self._stops > 0)
        return read_probes(self._graph, folder.path)

    def _plan(self, folder: RunFolder, url: str, infos: dict[str, SourceInfo]) -> RunPlan:
        source_hw = {source_id: info.hw for source_id, info in infos.items()}
        pools = plan_pools(self._graph, self._settings, folder.pool_path, source_hw)
        items = [item for node in self._graph.role("source") for item in node.items]
        return RunPlan(
            layout=run_layout(self._graph, folder.run_id, pools),
            redis_url=url,
            folder=folder.path,
            pools=pools,
            source_names={item.source_id: redacted(item.uri) for item in items},
            class_names=class_names(self._graph),
            max_backlog=self._settings.max_backlog,
            redis_wait_s=self._settings.redis_wait_s,
        )

    def _watch(self, expected: int | None) -> tuple[str, str | None]:
        """Keep the workers going until the run is over; returns the outcome and why it failed."""
        if self._stops:
            return "stopped", None  # nothing runs yet that could drain
        try:
            while not self._is_over():
                elapsed_s = time.monotonic() - self._started_s
                self.on_progress(Snapshot(self._sources, expected, elapsed_s))
        except _StoppedAtOnceError:
            return "stopped", None
        except StreamdetError as exc:
            return "failed", str(exc)
        return ("stopped" if self._stops else "done"), None

    def _is_over(self) -> bool:
        self._heed_signals()
        self._fleet.start_due()
        self._fleet.watch(TICK_S)
        try:
            return self._look()
        except RunLostError:
            raise
        except TransportError:
            self._wait_for_server()
            return False

    def _heed_signals(self) -> None:
        if not self._stops:
            return
        if self._drain_until_s is None:
            self._drain_until_s = time.monotonic() + self._settings.drain_s
            try:
                self._bus.request_stop()
            except TransportError as exc:
                raise _StoppedAtOnceError from exc
        if self._stops > 1 or time.monotonic() > self._drain_until_s:
            raise _StoppedAtOnceError

    def _look(self) -> bool:
        """Read the run's figures; returns whether every sink has every source's end and is shut."""
        finished = self._bus.finished()
        self._counters = self._bus.counters()
        self._sources = self._ledger.source_reports()
        now_s = time.monotonic()
        if self._progress() != self._seen_progress:
            self._seen_progress, self._moved_s = self._progress(), now_s
        elif now_s - self._moved_s > 2 * self._settings.stall_s:
            raise EngineError(f"nothing has moved for {now_s - self._moved_s:.0f} s")
        return finished >= self._ledger.ends_expected and self._fleet.sinks_are_done()

    def _progress(self) -> int:
        """A number that grows whenever a step commits frames."""
        return sum(n for name, n in self._counters.items() if name.startswith("frames:"))

    def _wait_for_server(self) -> None:
        """Wait for a server that went away; an embedded one does not come back.

        Raises:
            TransportError: it did not come back in time.
        """
        if self._server is not None:
            raise TransportError(
                "the embedded Redis server has ended, and the run with it; files end at the last"
                " committed frame"
            )
        deadline = time.monotonic() + self._settings.redis_wait_s
        while time.monotonic() < deadline:
            self._heed_signals()
            self._fleet.watch(TICK_S)
            with suppress(TransportError):
                self._look()
                return
        raise TransportError(
            f"redis: {redacted(self._settings.redis.reveal())} has not answered for"
            f" {self._settings.redis_wait_s:g} s"
        )

    def _report(
        self, run: RunPlan, outcome: str, failure: str | None, warnings: tuple[str, ...]
    ) -> Report:
        wall_s = time.monotonic() - self._started_s
        kinds = {node.name: node.kind for node in self._graph.nodes.values()}
        return Report(
            run_id=run.layout.run_id,
            graph=self._graph.name,
            outcome=outcome,
            failure=failure,
            wall_s=wall_s,
            fps=sum(source.published for source in self._sources) / wall_s,
            restarts=self._fleet.restarts,
            runtimes=self._fleet.runtimes(),
            warnings=warnings,
            sources=self._sources,
            stages=stage_reports(kinds, self._counters),
        )

    def _forget_run(self) -> None:
        with suppress(TransportError):
            self._bus.delete()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Count stop signals while the run lasts; those that are ignored (nohup) stay so."""

        def count(number: int, frame: FrameType | None) -> None:
            self._stops += 1

        heeded = [n for n in STOP_SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
        before = {number: signal.signal(number, count) for number in heeded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _StoppedAtOnceError(Exception):
    """The user asked twice, draining took too long, or the server that it needs is away."""


def _expected(run: RunPlan, infos: dict[str, SourceInfo]) -> int | None:
    counts = [infos[name].frame_count if name in infos else None for name in run.source_names]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
