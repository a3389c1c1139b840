"""One worker's process, and why it ended."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from streamdet.run.restart_policy import RestartCount
from streamdet.worker.plan import WorkerPlan
from streamdet.worker.run_files import read_status


@dataclass
class WorkerProcess:
    """A worker's process, past or present.

    Attributes:
        plan: of the worker.
        pid: None while it does not run.
        due_s: earliest start, monotonic seconds.
        is_done: whether the worker's work is done, and its process has ended.
        was_silent: whether it was killed because it sent no heartbeat.
        is_halted: whether it was killed by `Processes.halt`.
        is_on_trial: whether it stays down, in place of the run's end, if it cannot start.
        restarts: how often it was started again.
    """

    plan: WorkerPlan
    pid: int | None = None
    due_s: float = 0.0
    is_done: bool = False
    was_silent: bool = False
    is_halted: bool = False
    is_on_trial: bool = False
    restarts: RestartCount = field(default_factory=RestartCount)

    def kill(self) -> None:
        """Kill it, if it runs; the fork server will report its end."""
        if self.pid is not None:
            with suppress(ProcessLookupError):  # it has ended already
                os.kill(self.pid, signal.SIGKILL)

    def status(self) -> dict[str, Any]:
        """What the worker has said of itself."""
        return read_status(self.plan.run.folder, self.plan.consumer)

    def failure(self, code: int, stall_s: float) -> str:
        """Say why it ended.

        Args:
            code: its exit code; negative for a signal.
            stall_s: how long a worker may be silent.
        """
        if self.was_silent:
            return self.silence(stall_s)
        if code == -signal.SIGALRM:
            return "hung on one frame and was killed"
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return str(self.status().get("failure", f"exit code {code}"))

    def silence(self, stall_s: float) -> str:
        """Say why it was killed; a slow batch looks the same as a worker that hangs."""
        entry = self.plan.nodes[0].node.name
        return (
            f"silent for {stall_s:g} s and was killed: if a batch takes so long, lower"
            f" {entry}.batch ({self.plan.batch}) or raise `stall_s` in the deploy file"
        )
