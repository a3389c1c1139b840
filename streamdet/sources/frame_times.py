"""Presentation times of decoded frames: always rising, even if the container's are wrong.

A frame comes with a presentation time (pts) and the decoding time of its packet (dts); either may
be missing or wrong. AVI has decoding times only, and its pts are wrong where there are
B-frames. As in FFmpeg's best-effort timestamps (libavcodec, `guess_correct_pts`), dts is taken once
more pts than dts have failed to rise, and in AVI from the start. Then:

- a time that is missing, or not above the one before by less than a second, follows the one before;
- a clock that jumps back, by a second or together with dts, or in a transport stream more than 10
  seconds ahead (FFmpeg's `dts_delta_threshold`), belongs to another recording that was joined on:
  it goes on without a gap.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

_JOINED: Final = frozenset({"mpegts", "mpeg", "vob"})
"""Formats whose clock may jump ahead where recordings were joined; elsewhere a gap is a gap."""
_GAP_S: Final = 10
_JITTER_S: Final = 1
_LONGEST_REORDER: Final = 16
"""Frames. H.264 and HEVC show none later than this behind the packet that makes room for it."""
_UNKNOWN_RATE: Final = 25


class FrameTimes:
    """Gives each frame of one stream its presentation time, in order of decoding.

    Args:
        format_name: of the container, as FFmpeg names it.
        time_base: seconds per tick.
        rate: nominal frames per second; None where unknown.

    Attributes:
        nominal: ticks between two frames at the stream's rate, at least 1.
        are_plain: every time so far was the frame's own pts.
        was_joined: the clock has jumped.
    """

    def __init__(self, format_name: str, time_base: Fraction, rate: Fraction | None) -> None:
        self._uses_dts = format_name == "avi"
        self._may_jump_ahead = format_name in _JOINED
        self.nominal = max(1, round(1 / ((rate or _UNKNOWN_RATE) * time_base)))
        self._gap, self._jitter = (round(s / time_base) for s in (_GAP_S, _JITTER_S))
        self._faulty_pts = self._faulty_dts = 0
        self._last_pts: int | None = None
        self._last_dts: int | None = None
        self._last: int | None = None
        self._offset = 0
        self._dts_fell_for = 0
        self.are_plain = True
        self.was_joined = False

    def time(self, pts: int | None, dts: int | None, duration: int = 0) -> int | None:
        """Return the time of the next frame, ticks, above all before it.

        Args:
            pts: as the container has it; None where it has none.
            dts: the same for decoding.
            duration: ticks that the frame is shown; 0 where unknown.

        Returns:
            None only where no frame so far had a time.
        """
        self._dts_fell_for = max(0, self._dts_fell_for - 1)
        stated = self._best_effort(pts, dts)
        step = duration if duration > 0 else self.nominal
        time = self._risen(stated, step)
        if time != pts:
            self.are_plain = False
        self._last = time
        return time

    def _best_effort(self, pts: int | None, dts: int | None) -> int | None:
        if pts is not None:
            self._faulty_pts += self._last_pts is not None and pts <= self._last_pts
            self._last_pts = pts
        if dts is not None:
            if self._last_dts is not None and dts < self._last_dts:
                self._dts_fell_for = _LONGEST_REORDER + 1
            self._faulty_dts += self._last_dts is not None and dts <= self._last_dts
            self._last_dts = dts
        is_dts_better = self._uses_dts or self._faulty_pts > self._faulty_dts
        if pts is None or (is_dts_better and dts is not None):
            return dts
        return None if self._uses_dts else pts

    def _risen(self, stated: int | None, step: int) -> int | None:
        last = self._last
        if last is None:
            return stated
        if stated is None:
            return last + step
        time = stated + self._offset
        if self._has_jumped(time - last):
            self.was_joined = True
            self._dts_fell_for = 0
            self._offset += last + step - time
            return last + step
        return max(time, last + 1)

    def _has_jumped(self, ahead: int) -> bool:
        if ahead > 0:
            return self._may_jump_ahead and ahead > self._gap
        return self._dts_fell_for > 0 or -ahead >= self._jitter
