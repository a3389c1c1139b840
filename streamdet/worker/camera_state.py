"""The state of a camera (live or not), since when and why; pauses between attempts."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from streamdet.formats.event_json import State

MOST_REASONS: Final = 16
"""So many reasons of one state are remembered: a camera may be away for weeks."""


@dataclass
class CameraState:
    """The state of one camera.

    A new reason is a change too, but only once while the state lasts: a camera may give two reasons
    in turn for ever.

    Attributes:
        state: the current state.
        reason: why, in a sentence; "" where there is none.
        since_ns: wall clock of the last change, nanoseconds since the epoch.
        changes: number of changes so far.
    """

    state: State = "connecting"
    reason: str = ""
    since_ns: int = 0
    changes: int = 0
    clock_ns: Callable[[], int] = field(default=time.time_ns, repr=False)
    _reasons: set[str] = field(default_factory=set, repr=False)

    def change(self, state: State, reason: str = "") -> bool:
        """Set the state; returns whether that is a change."""
        if self.changes and state == self.state and reason in self._reasons:
            return False
        if state != self.state or len(self._reasons) >= MOST_REASONS:
            self._reasons.clear()
        self._reasons.add(reason)
        self.state, self.reason, self.since_ns = state, reason, self.clock_ns()
        self.changes += 1
        return True

    def as_dict(self) -> dict[str, Any]:
        """The state as plain values, for the notes of a position."""
        return {"state": self.state, "reason": self.reason, "since_ns": self.since_ns}


@dataclass
class Pauses:
    """Pauses between attempts: doubled up to the longest, each up to 30 % shorter at random.

    Attributes:
        first_s: seconds.
        longest_s: seconds.
        tries: number of pauses since the last success.
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
        """Start with the first pause again."""
        self.tries = 0
