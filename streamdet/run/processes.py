"""The processes of a run: starts and watches them, and restarts those that die."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from streamdet.config.deploy import DeploySettings
from streamdet.errors import EngineError
from streamdet.graph.pipeline import PipelineGraph
from streamdet.run.description import write_restarts
from streamdet.run.fork_server import Exit, ForkServer, ForkServerDiedError
from streamdet.run.restart_policy import RestartCount, end_of, pause_s
from streamdet.run.worker_process import WorkerProcess
from streamdet.system.process import last_line
from streamdet.worker.heartbeat import Beats
from streamdet.worker.plan import WorkerPlan
from streamdet.worker.run_files import (
    EXIT_CRASHED,
    EXIT_DONE,
    EXIT_FATAL,
    EXIT_TRANSPORT,
    LOG,
    End,
    beats_path,
    forget_status,
    traceback_path,
    write_end,
)

WORKER_MAIN: Final = "streamdet.worker.main:main"
"""A name, so that the supervisor imports no stage."""


class Processes:
    """All workers of a run.

    A worker that ends before its work is done is restarted: at once if the run has made progress
    since its last restart, else after a pause that doubles. The run fails after too many restarts
    in a minute without any progress: a process that somebody keeps killing is not broken.

    Args:
        plans: the workers.
        settings: restart limits.
        folder: the run's folder.
        progress: a number that grows whenever the run makes progress.
        server: what forks the workers; it is ended by `stop`.
    """

    def __init__(
        self,
        plans: Sequence[WorkerPlan],
        settings: DeploySettings,
        folder: Path,
        progress: Callable[[], int],
        server: ForkServer,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._progress = progress
        self._beats = Beats.create(beats_path(folder), len(plans))
        self._processes = [WorkerProcess(plan) for plan in plans]
        self._layout = plans[0].run.layout
        self._fork_server = server
        self._fork_server_restarts = RestartCount()
        self.restarts = 0

    def start_due(self) -> None:
        """Start every worker that is not running and whose pause is over."""
        now_s = time.monotonic()
        for process in self._processes:
            if process.pid is None and not process.is_done and process.due_s <= now_s:
                self._beats.beat(process.plan.number)
                try:
                    process.pid = self._fork_server.spawn(WORKER_MAIN, process.plan)
                except ForkServerDiedError:
                    self._restart_fork_server()
                    return

    def watch(self, wait_s: float) -> None:
        """Wait for workers to end, and plan their restarts; kill those that are stuck.

        Raises:
            EngineError: a worker has failed too often; names it and says why.
        """
        try:
            exits = self._fork_server.exits(wait_s)
        except ForkServerDiedError:
            self._restart_fork_server()
            return
        for exit_ in exits:
            self._ended(exit_)
        for process in self._processes:
            silence_s = self._beats.silence_s(process.plan.number)
            if process.pid is not None and silence_s > self._settings.stall_s:
                process.was_silent = True
                process.kill()

    def silent(self) -> tuple[str, ...]:
        """Say which workers sent no heartbeat and were killed since the run last progressed."""
        return tuple(
            f"{process.plan.consumer} was {process.silence(self._settings.stall_s)}"
            for process in self._processes
            if process.was_silent and process.restarts.progress == self._progress()
        )

    def runtimes(self) -> dict[str, str]:
        """Node -> the runtime that it uses."""
        return {
            node: name
            for process in self._processes
            for node, name in process.status().get("runtimes", {}).items()
        }

    def warnings(self) -> tuple[str, ...]:
        """What workers have warned of as they ended, each sentence once."""
        said = (
            sentence
            for process in self._processes
            for sentence in process.status().get("warnings", ())
        )
        return tuple(dict.fromkeys(said))

    def tracebacks(self) -> tuple[str, ...]:
        """Tracebacks of unexpected errors in workers."""
        paths = (traceback_path(p.plan.run.folder, p.plan.consumer) for p in self._processes)
        return tuple(path.read_text() for path in paths if path.exists())

    def sinks_are_done(self) -> bool:
        """Whether every worker with a sink has written all that was committed, and ended."""
        groups = self._layout.groups
        return all(p.is_done for p in self._processes if groups[p.plan.group].has_sink)

    def plans(self) -> dict[str, WorkerPlan]:
        """Consumer -> plan of every worker."""
        return {process.plan.consumer: process.plan for process in self._processes}

    def add(self, plan: WorkerPlan) -> None:
        """Add a worker, which the next `start_due` starts; it gets a free number."""
        taken = {process.plan.number for process in self._processes}
        number = next(number for number in range(len(taken) + 1) if number not in taken)
        self._beats = Beats.grow(beats_path(self._folder), number + 1)
        self._processes.append(WorkerProcess(replace(plan, number=number)))

    def halt(self, consumer: str) -> None:
        """Kill a worker's process, which is started again only by `go_on`.

        What it has not committed is done again then: see the note "Begin again" in worker/main.py.
        """
        process = self._of(consumer)
        process.due_s = math.inf
        if process.pid is not None:
            process.is_halted = True
            process.kill()

    def is_running(self, consumer: str) -> bool:
        """Whether a worker has a process now."""
        return self._of(consumer).pid is not None

    def is_done(self, consumer: str) -> bool:
        """Whether a worker's work is done and its process has ended."""
        return self._of(consumer).is_done

    def go_on(self, plan: WorkerPlan, *, on_trial: bool = False) -> None:
        """Have a worker that does not run start by this plan.

        Args:
            plan: of the worker.
            on_trial: if it cannot start, it stays down, and the run goes on; see `has_started`.
        """
        process = self._of(plan.consumer)
        process.is_on_trial = on_trial
        forget_status(self._folder, plan.consumer)
        process.plan = replace(plan, number=process.plan.number)
        process.is_done, process.due_s, process.restarts = False, 0.0, RestartCount()

    def forget(self, consumer: str) -> None:
        """Forget a worker that is done."""
        self._processes.remove(self._of(consumer))

    def has_started(self, consumer: str) -> bool:
        """Whether a worker on trial works; its trial ends then.

        Raises:
            EngineError: it cannot start.
        """
        process = self._of(consumer)
        status = process.status()
        if process.is_on_trial and process.due_s == math.inf:
            raise EngineError(status.get("failure", f"{consumer} cannot start"))
        if "is_ready" not in status:
            return False
        process.is_on_trial = False
        return True

    def _of(self, consumer: str) -> WorkerProcess:
        return {process.plan.consumer: process for process in self._processes}[consumer]

    def stop(self) -> None:
        """End every process that is left."""
        self._fork_server.stop()

    def _ended(self, exit_: Exit) -> None:
        process = next((p for p in self._processes if p.pid == exit_.pid), None)
        if process is None:
            return
        process.pid = None
        process.was_silent &= exit_.code == -signal.SIGKILL
        if process.is_halted:
            process.is_halted = False
            return
        if exit_.code == EXIT_DONE:
            process.is_done = True
            return
        if process.is_on_trial and exit_.code in (EXIT_FATAL, EXIT_CRASHED):
            process.due_s = math.inf
            return
        if exit_.code == EXIT_FATAL:
            raise EngineError(process.failure(exit_.code, self._settings.stall_s))
        self._plan_restart(process, exit_.code)

    def _plan_restart(self, process: WorkerProcess, code: int) -> None:
        self._count_restart()
        write_end(self._folder, process.plan.consumer, self._end_of(process, code))
        now_s, limits = time.monotonic(), self._settings.restart
        count = process.restarts.add(now_s, self._progress())
        pause = pause_s(count, limits)
        if pause is None and process.plan.is_live:
            pause = limits.backoff_max_s  # one faulty camera never ends a run
        if pause is None:
            raise EngineError(
                f"{process.plan.consumer} ended {count} times in a minute while nothing moved:"
                f" {process.failure(code, self._settings.stall_s)}"
            )
        process.due_s = now_s + pause

    def _end_of(self, process: WorkerProcess, code: int) -> End | None:
        if code == EXIT_TRANSPORT:
            return None
        stall_s = self._settings.stall_s
        why = process.failure(code, stall_s)
        return end_of(code, why, was_silent=process.was_silent, stall_s=stall_s)

    def _count_restart(self) -> None:
        self.restarts += 1
        write_restarts(self._folder, self.restarts)

    def _restart_fork_server(self) -> None:
        self._count_restart()
        count = self._fork_server_restarts.add(time.monotonic(), self._progress())
        if pause_s(count, self._settings.restart) is None:
            raise EngineError(
                f"the process that starts the workers ended {count} times in a minute while nothing"
                f" moved: {last_line((self._folder / LOG).read_bytes())}"
            )
        self._fork_server = self._fork_server.restarted()
        for process in self._processes:
            process.pid, process.is_halted = None, False


def modules_of(graph: PipelineGraph) -> list[str]:
    """What a fork server imports for a graph: the worker, and the heavy libraries of its nodes."""
    roles = {node.role for node in graph.nodes.values()}
    kinds = {node.kind for node in graph.nodes.values()}
    modules = [WORKER_MAIN.partition(":")[0]]
    if "source" in roles or "video" in kinds:
        modules.append("av")
    if "transform" in roles or "video" in kinds:
        modules.append("cv2")
    return modules
