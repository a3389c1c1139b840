"""What is known of a camera: live or away, since when and why."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["connecting", "live", "stalled", "lost", "refused"]
"""connecting: not reached yet. stalled: connected, but nothing came for a while. lost: a network
fault, or the stream ended. refused: it answers, and says no."""


@dataclass
class CameraState:
    """The state of one camera.

    A reason that has not been given since the state began is a change too: a camera that is tried
    for ever may give two of them in turn.

    Attributes:
        state: where it stands.
        reason: why, in a sentence; "" where there is nothing to say.
        since_ns: wall clock of the last change, nanoseconds since the epoch.
        changes: how many there were.
    """

    state: State = "connecting"
    reason: str = ""
    since_ns: int = 0
    changes: int = 0
    clock_ns: Callable[[], int] = field(default=time.time_ns, repr=False)
    _reasons: set[str] = field(default_factory=set, repr=False)

    def change(self, state: State, reason: str = "") -> bool:
        """Take a state; returns whether it is another one."""
        if self.changes and state == self.state:
            if reason in self._reasons:
                return False
        else:
            self._reasons.clear()
        self._reasons.add(reason)
        self.state, self.reason, self.since_ns = state, reason, self.clock_ns()
        self.changes += 1
        return True

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as a position's notes hold them."""
        return {"state": self.state, "reason": self.reason, "since_ns": self.since_ns}


@dataclass
class Pauses:
    """Pauses between tries: doubled from the first to the longest, up to 30 % shorter by chance.

    Attributes:
        first_s: seconds.
        longest_s: seconds.
        tries: how many pauses there were since the last success.
    """

    first_s: float
    longest_s: float
    tries: int = 0

    def next_s(self) -> float:
        """Give the next pause, seconds."""
        pause_s = min(self.longest_s, self.first_s * 2.0 ** min(self.tries, 32))
        self.tries += 1
        return pause_s * random.uniform(0.7, 1.0)  # noqa: S311  no secret depends on it

    def reset(self) -> None:
        """Begin with the first pause again."""
        self.tries = 0
