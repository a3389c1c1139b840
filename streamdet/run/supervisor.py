"""Runs a graph from start to end: server, pools, workers and stop signals."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

from streamdet.config.deploy import DeploySettings
from streamdet.errors import TransportError
from streamdet.graph import PipelineGraph
from streamdet.run.accounting import Accounting
from streamdet.run.controller import Controller, LoadGraph
from streamdet.run.description import describe_run
from streamdet.run.event_records import EventRecords
from streamdet.run.fork_server import ForkServer
from streamdet.run.monitor import Metrics, Monitor
from streamdet.run.preparation import Preparation, PreparedRun
from streamdet.run.processes import Processes, modules_of
from streamdet.run.report import Report, Snapshot, stage_reports, total_expected
from streamdet.run.running import Running
from streamdet.run.worker_warnings import WorkerWarnings, warnings_of
from streamdet.system.process import has_terminal, stop_signals_to
from streamdet.transport.connection import connect
from streamdet.transport.embedded import EmbeddedRedis
from streamdet.transport.pool import kind_of
from streamdet.transport.redis_bus import RedisBus, delete_dead_runs
from streamdet.transport.requests import Inbox
from streamdet.transport.run_folder import ADDRESS_FILE, RunFolder, sweep
from streamdet.transport.server_check import check_server, rehearse
from streamdet.worker.plan import worker_plans
from streamdet.worker.run_files import LOG

PROBE_LIMIT_S: Final = 10.0


class Supervisor:
    """Runs one graph on this machine.

    Args:
        graph: the graph to run.
        settings: of this machine.
        on_warning: called with a sentence for each thing that is unsafe or unknown before the run
            begins, and for what a worker warns of.
        probe_limit_s: sources have so long to tell how large their images are, in seconds.

    Attributes:
        on_progress: called about ten times a second; may be replaced.
        on_warning: the same, may be replaced.
        on_note: called before the run begins, with a sentence for each thing that was chosen for
            it; may be replaced.
        on_folder: called with the run's folder once it is made, before any worker starts; its
            errors end the run.
        on_change: called with a line when cameras or the graph of the run have been changed.
        load: reads a graph file with what else the run was started with (None: that of the run),
            to apply it to the run; None where that cannot be done.
        is_consumer_busy: asked whether the run waits for the program that takes its results: it is
            not stuck then.
        stored_hw: source id -> height and width of its images, which may be turned yet: such a
            source is not probed; may be replaced.
        read_attempts, is_shared: see worker.plan.RunPlan; may be replaced.
        redis_url: the run's server, once it has started; holds the password: never show it.
    """

    def __init__(
        self,
        graph: PipelineGraph,
        settings: DeploySettings,
        on_warning: Callable[[str], None] = lambda warning: None,
        *,
        probe_limit_s: float = PROBE_LIMIT_S,
    ) -> None:
        self._graph = graph
        self._settings = settings
        self._probe_limit_s = probe_limit_s
        self.on_progress: Callable[[Snapshot], None] = lambda snapshot: None
        self.on_warning = on_warning
        self.stored_hw: Mapping[str, tuple[int, int]] = {}
        self.read_attempts = 0
        self.is_shared = False
        self.on_note: Callable[[str], None] = lambda note: None
        self.redis_url = ""
        self.on_folder: Callable[[Path], None] = lambda folder: None
        self.is_consumer_busy: Callable[[], bool] = lambda: False
        self.on_change: Callable[[str], None] = lambda line: None
        self.load: LoadGraph | None = None
        self._controller: Controller | None = None
        self._had_terminal = has_terminal()
        self._stops = 0
        self._redis_server: EmbeddedRedis | None = None
        self._worker_warnings = WorkerWarnings()

    def run(self) -> Report:
        """Run the graph to its end.

        Raises:
            StreamdetError: it could not be started.
        """
        with self.counting_signals(), ExitStack() as stack:
            dead = sweep()
            folder = RunFolder.create()
            stack.callback(folder.remove)
            self.on_folder(folder.path)
            server = ForkServer(modules_of(self._graph), folder.path / LOG)  # imports meanwhile
            stack.callback(server.stop)
            self.redis_url = self._start_server(stack, folder)
            warnings = () if self._settings.is_embedded else self._check_server(stack, dead)
            return self._run(stack, folder, server, warnings)

    @property
    def graph(self) -> PipelineGraph:
        """The run's graph as it was read, or last applied to the run; any thread may ask."""
        return self._graph if self._controller is None else self._controller.graph

    @property
    def stops(self) -> int:
        """How often the run has been asked to stop."""
        return self._stops

    def stop(self, *, at_once: bool = False) -> None:
        """End the run as a stop signal does; any thread may call this.

        Args:
            at_once: do not wait for the frames in flight.
        """
        self._stops += 2 if at_once else 1

    def _check_server(self, stack: ExitStack, dead: list[str]) -> tuple[str, ...]:
        client = connect(self.redis_url)
        stack.callback(client.close)
        warnings = check_server(client, self.redis_url)
        for warning in warnings:
            self.on_warning(warning)
        streams = self._graph.public_streams
        if self._graph.makes_events:
            streams += (self._settings.events,)
        rehearse(client, self.redis_url, streams)
        delete_dead_runs(client, dead)
        return tuple(warnings)

    def _start_server(self, stack: ExitStack, folder: RunFolder) -> str:
        if not self._settings.is_embedded:
            return self._settings.redis.reveal()
        self._redis_server = EmbeddedRedis(folder.path)
        stack.callback(self._redis_server.stop)
        (folder.path / ADDRESS_FILE).write_text(self._redis_server.url)
        return self._redis_server.url

    def _run(
        self, stack: ExitStack, folder: RunFolder, server: ForkServer, warnings: tuple[str, ...]
    ) -> Report:
        prepared = self._prepare(folder, server)
        graph, run = prepared.graph, prepared.plan
        for pool in run.pools.values():
            stack.callback(kind_of(pool).create(pool).close)
        bus = RedisBus(connect(self.redis_url), run.layout)
        stack.callback(bus.close)
        bus.create()
        stack.callback(_forget, bus)
        plans = worker_plans(graph, run)
        description = describe_run(
            graph,
            run,
            plans,
            pid=os.getpid(),
            started_s=time.monotonic(),
            infos=prepared.infos,
        )
        metrics = Metrics(bus, Accounting(bus, description.sources))
        description.write(folder.path)
        processes = Processes(plans, self._settings, folder.path, lambda: metrics.progress, server)
        stack.callback(processes.stop)
        monitor = Monitor(
            bus,
            processes,
            metrics,
            self._settings,
            is_embedded=self._redis_server is not None,
            warn=self.on_warning,
        )
        monitor.is_consumer_busy = self.is_consumer_busy
        running = Running(graph, run, self._settings, bus, processes, metrics, description)
        if running.live_nodes:
            self._listen(stack, running, monitor)
        records = EventRecords(lambda: self.graph, self._settings.events, self.on_warning)
        show = self._show(metrics, total_expected(description.sources.values()))

        def on_progress() -> None:
            records.tick(self.redis_url, run.layout.run_id)
            show()

        outcome, failure = monitor.run(lambda: self._stops, on_progress)
        records.finish()
        last = processes.warnings()
        for warning in (*self._worker_warnings.new(metrics.counters), *last):
            self.on_warning(warning)
        warnings += prepared.warnings + last
        return self._report(running, prepared, (outcome, failure, warnings))

    def _prepare(self, folder: RunFolder, server: ForkServer) -> PreparedRun:
        preparation = Preparation(self._graph, self._settings, folder, self.redis_url, server)
        preparation.probe_limit_s = self._probe_limit_s
        preparation.stored_hw = self.stored_hw
        preparation.read_attempts = self.read_attempts
        preparation.is_shared = self.is_shared
        preparation.is_cancelled = lambda: self._stops > 0
        preparation.on_warning = self.on_warning
        preparation.on_note = self.on_note
        return preparation.prepare()

    def _listen(self, stack: ExitStack, running: Running, monitor: Monitor) -> None:
        """Let others change the cameras and the graph while the run goes on."""
        client = connect(self.redis_url)
        stack.callback(client.close)
        inbox = Inbox(client, running.plan.layout.run_id, self._graph.name)
        self._controller = Controller(running, inbox, self._graph, self.load, self.on_change)
        monitor.on_tick = self._controller.tick
        monitor.is_endless = True
        monitor.is_consumer_busy = lambda: self.is_consumer_busy() or not running.cameras()

    def _show(self, metrics: Metrics, expected: int | None) -> Callable[[], None]:
        def show() -> None:
            for warning in self._worker_warnings.new(metrics.counters):
                self.on_warning(warning)
            self.on_progress(Snapshot(metrics.sources, expected, metrics.elapsed_s))

        return show

    def _report(
        self,
        running: Running,
        prepared: PreparedRun,
        end: tuple[str, str | None, tuple[str, ...]],
    ) -> Report:
        outcome, failure, warnings = end
        metrics, processes = running.metrics, running.processes
        kinds = {node.name: node.kind for node in running.graph.nodes.values()}
        wall_s = metrics.elapsed_s
        return Report(
            run_id=running.description.run_id,
            graph=running.graph.name,
            outcome=outcome,
            failure=failure,
            wall_s=wall_s,
            fps=sum(source.published for source in metrics.sources) / wall_s,
            restarts=processes.restarts,
            runtimes={
                node: name + prepared.runtime_notes.get(node, "")
                for node, name in processes.runtimes().items()
            },
            inputs=prepared.inputs,
            warnings=(*warnings, *warnings_of(metrics.counters)),
            tracebacks=processes.tracebacks(),
            sources=metrics.sources,
            stages=stage_reports(kinds, metrics.counters),
        )

    def _reload(self) -> bool:
        """Have the run's graph file applied again; returns whether that is what SIGHUP means."""
        has_hung_up = self._had_terminal and not has_terminal()
        if self._controller is None or self.load is None or has_hung_up:
            return False
        self._controller.reload()
        return True

    @contextmanager
    def counting_signals(self) -> Iterator[None]:
        """Count stop signals in this block instead of ending the process; may be nested.

        Signals that are ignored (nohup) stay ignored. SIGHUP has the graph file of a run over
        cameras applied again, unless it comes because the terminal was closed.
        """

        def count(number: int, frame: FrameType | None) -> None:
            if number != signal.SIGHUP or not self._reload():
                self._stops += 1

        with stop_signals_to(count):
            yield


def _forget(bus: RedisBus) -> None:
    with suppress(TransportError):
        bus.delete()
