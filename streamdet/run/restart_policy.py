"""When a process that died is restarted."""

from __future__ import annotations

import signal
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from streamdet.config.deploy import RestartSettings
from streamdet.worker.run_files import End

_MINUTE_S: Final = 60.0
TRIES: Final = 3
TRIES_OF_KILLED: Final = 5
"""SIGKILL comes from a kernel without memory, perhaps because of a frame, or from anybody."""
SILENT_PART: Final = 4
"""A frame that may have made a process hang is tried alone for this part of `stall_s`."""


@dataclass
class RestartCount:
    """How often something was restarted since the run last made progress.

    Attributes:
        progress: the run's progress at the last restart.
        times_s: restarts of the last minute, monotonic seconds.
    """

    progress: int = -1
    times_s: deque[float] = field(default_factory=deque)

    def add(self, now_s: float, progress: int) -> int:
        """Note a restart; returns how many there are now, this one included."""
        if progress != self.progress:
            self.progress = progress
            self.times_s.clear()
        self.times_s.append(now_s)
        while now_s - self.times_s[0] > _MINUTE_S:
            self.times_s.popleft()
        return len(self.times_s)


def pause_s(count: int, limits: RestartSettings) -> float | None:
    """How long to wait before a restart, seconds; None: it has failed too often.

    Args:
        count: of restarts in a minute without progress, this one included.
        limits: of the deploy file.
    """
    if count > limits.max_per_minute:
        return None
    pause = 0.0 if count == 1 else limits.backoff_s * 2.0 ** (count - 2)
    return min(pause, limits.backoff_max_s)


def end_of(code: int, why: str, *, was_silent: bool, stall_s: float) -> End:
    """Say how the successor of a process is to treat the frames that it left uncommitted.

    Args:
        code: its exit code; negative for a signal.
        why: it ended, in a sentence.
        was_silent: whether it was killed because it sent no heartbeat.
        stall_s: how long a worker may be silent.
    """
    if was_silent or code == -signal.SIGALRM:
        return End(why, TRIES, stall_s / SILENT_PART)
    return End(why, TRIES_OF_KILLED if code == -signal.SIGKILL else TRIES)
