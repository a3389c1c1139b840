"""The processes of a run: started, watched, started again when they die."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streamdet import worker
from streamdet.errors import EngineError, StreamdetError
from streamdet.fork_server import Exit, ForkServer, ForkServerDiedError
from streamdet.plan import WorkerPlan
from streamdet.progress import Beats
from streamdet.settings import DeploySettings

_MINUTE_S: Final = 60.0


@dataclass
class _Process:
    """One worker's process, past or present.

    Attributes:
        pid: None while it does not run.
        due_s: when it may start, monotonic seconds.
        idle_restarts: times of the restarts since the run last moved.
    """

    plan: WorkerPlan
    pid: int | None = None
    due_s: float = 0.0
    is_done: bool = False
    progress: int = -1
    idle_restarts: deque[float] = field(default_factory=deque)


class Fleet:
    """All workers of a run.

    A worker that ends before its work is done is started again: at once if the run has moved since its
    last restart, else after a pause that doubles. It fails for good after too many restarts in a
    minute during which nothing moved at all: a process that somebody keeps killing is not a broken one.

    Args:
        plans: the workers.
        settings: restart limits.
        folder: the run's folder.
        progress: a number that grows whenever the run moves.
    """

    def __init__(
        self,
        plans: Sequence[WorkerPlan],
        settings: DeploySettings,
        folder: Path,
        progress: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._progress = progress
        self._beats = Beats.create(worker.beats_path(folder), len(plans))
        self._processes = [_Process(plan) for plan in plans]
        self._modules = _modules_of(plans)
        self._server = ForkServer(self._modules, folder / "workers.log")
        self.restarts = 0

    def start_due(self) -> None:
        """Start every worker that does not run and whose pause is over."""
        now_s = time.monotonic()
        for process in self._processes:
            if process.pid is None and not process.is_done and process.due_s <= now_s:
                self._beats.beat(process.plan.number)
                try:
                    process.pid = self._server.spawn(worker.main, process.plan)
                except ForkServerDiedError:
                    self._restart_server()
                    return

    def watch(self, wait_s: float) -> None:
        """Wait for workers to end, and plan their restarts; kill those that are stuck.

        Raises:
            EngineError: a worker has failed for good; says which and why.
        """
        try:
            exits = self._server.exits(wait_s)
        except ForkServerDiedError:
            self._restart_server()
            return
        for exit_ in exits:
            self._ended(exit_)
        for process in self._processes:
            silence_s = self._beats.silence_s(process.plan.number)
            if process.pid is not None and silence_s > self._settings.stall_s:
                os.kill(process.pid, signal.SIGKILL)

    def running(self) -> dict[str, int]:
        """Consumer -> process id, of the workers that run."""
        return {p.plan.consumer: p.pid for p in self._processes if p.pid is not None}

    def runtimes(self) -> dict[str, str]:
        """Node -> what really runs it."""
        return {
            node: name
            for process in self._processes
            for node, name in self._status(process).get("runtimes", {}).items()
        }

    def sinks_are_done(self) -> bool:
        """Whether every worker with a sink has shown all that was committed, and ended."""
        groups = self._processes[0].plan.run.layout.groups
        return all(p.is_done for p in self._processes if groups[p.plan.group].has_sink)

    def stop(self) -> None:
        """End every process that is left."""
        self._server.stop()

    def _ended(self, exit_: Exit) -> None:
        process = next((p for p in self._processes if p.pid == exit_.pid), None)
        if process is None:
            return
        process.pid = None
        if exit_.code == worker.EXIT_DONE:
            process.is_done = True
            return
        if exit_.code == worker.EXIT_FATAL:
            raise EngineError(self._failure(process, exit_.code))
        self._plan_restart(process, exit_.code)

    def _plan_restart(self, process: _Process, code: int) -> None:
        self.restarts += 1
        now_s, progress = time.monotonic(), self._progress()
        if progress != process.progress:
            process.progress = progress
            process.idle_restarts.clear()
        recent = process.idle_restarts
        recent.append(now_s)
        while now_s - recent[0] > _MINUTE_S:
            recent.popleft()
        limits = self._settings.restart
        if len(recent) > limits.max_per_minute:
            raise EngineError(
                f"{process.plan.consumer} ended {len(recent)} times in a minute while nothing"
                f" moved: {self._failure(process, code)}"
            )
        pause_s = 0.0 if len(recent) == 1 else limits.backoff_s * 2.0 ** (len(recent) - 2)
        process.due_s = now_s + min(pause_s, limits.backoff_max_s)

    def _failure(self, process: _Process, code: int) -> str:
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return str(self._status(process).get("failure", f"exit code {code}"))

    def _status(self, process: _Process) -> dict[str, dict[str, str]]:
        return worker.read_status(self._folder, process.plan.consumer)

    def _restart_server(self) -> None:
        self._server.stop()
        self._server = ForkServer(self._modules, self._folder / "workers.log")
        for process in self._processes:
            process.pid = None


def probe(
    targets: Iterable[tuple[Callable[..., int], tuple[object, ...]]], folder: Path, limit_s: float
) -> None:
    """Run short-lived helpers side by side in processes of their own, at most `limit_s` long."""
    server = ForkServer([], folder / "workers.log")
    try:
        waiting = {server.spawn(target, *arguments) for target, arguments in targets}
        deadline = time.monotonic() + limit_s
        while waiting and time.monotonic() < deadline:
            waiting -= {exit_.pid for exit_ in server.exits(0.1)}
    except ForkServerDiedError as exc:
        raise StreamdetError("the fork server has ended") from exc
    finally:
        server.stop()


def _modules_of(plans: Sequence[WorkerPlan]) -> list[str]:
    """What the fork server imports: the worker, and the heavy libraries that the nodes will use."""
    roles = {node_plan.node.role for plan in plans for node_plan in plan.nodes}
    kinds = {node_plan.node.kind for plan in plans for node_plan in plan.nodes}
    modules = ["streamdet.worker"]
    if "source" in roles or "video" in kinds:
        modules.append("av")
    if "transform" in roles or "video" in kinds:
        modules.append("cv2")
    return modules
