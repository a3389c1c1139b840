"""When a process that died is restarted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from streamdet.config.deploy import RestartSettings

_MINUTE_S: Final = 60.0


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
