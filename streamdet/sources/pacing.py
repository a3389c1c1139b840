"""Plays what can be read ahead (a file, HLS) at its own rate."""

from __future__ import annotations

import math
import time
from fractions import Fraction
from typing import Final

_LATE_S: Final = 1.0
"""Who reads this much too slowly is not given ever older frames: it goes on from now."""


class Pacer:
    """Waits for each frame of one playback until it is due.

    Args:
        longest_wait_s: a frame that is due later follows at once: the times have jumped ahead.
    """

    def __init__(self, longest_wait_s: float = math.inf) -> None:
        self._longest_wait_s = longest_wait_s
        self._start_s: float | None = None

    def wait(self, shown_s: Fraction) -> int:
        """Sleep until a frame is due.

        Args:
            shown_s: its time in the playback, seconds.

        Returns:
            By how much it is late, nanoseconds.
        """
        due_s = float(shown_s)
        now_s = time.monotonic()
        ahead_s = 0.0 if self._start_s is None else self._start_s + due_s - now_s
        if self._start_s is None or not -_LATE_S <= ahead_s <= self._longest_wait_s:
            self._start_s = now_s - due_s
            return 0
        time.sleep(max(0.0, ahead_s))
        return max(0, round((time.monotonic() - self._start_s - due_s) * 1e9))
