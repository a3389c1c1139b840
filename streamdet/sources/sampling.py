"""Which decoded frames are emitted: every N-th, or as many a second as wanted."""

from __future__ import annotations

import math
from fractions import Fraction

from pydantic import Field

from streamdet.options import Options

_EARLY_S = Fraction(1, 1000)
"""How early for its slot a frame may come: containers round pts to milliseconds."""


class SamplingOptions(Options):
    """Options that every kind of source has."""

    every: int = Field(1, ge=1, le=1_000_000, description="Emit each N-th frame only.")
    fps: float | None = Field(
        None, gt=0, le=1000, description="Emit at most this many frames per second of source time."
    )


class Sampler:
    """Decides from a frame's number and time alone, so that it can start anywhere in a source.

    With `fps`, time is cut into slots of 1/fps seconds; the first frame of each slot is emitted.
    With `every` too, the `fps` rule chooses among each N-th frame.
    """

    def __init__(self, options: SamplingOptions, rate: Fraction | None) -> None:
        """Sample a source of a nominal `rate`, frames per second; None where that is not known."""
        self._every = options.every
        self._rate = rate
        self._fps = None if options.fps is None else Fraction(options.fps).limit_denominator(1001)
        if self._fps and rate and rate / self._every <= self._fps:
            self._fps = None  # jittered timestamps must not drop frames of a slow source

    def slot(self, number: int, time_s: Fraction | None) -> int:
        """Return the slot of a frame.

        Args:
            number: how many frames were decoded before it.
            time_s: its pts in seconds; None: counted from the number, at 25 a second by default.
        """
        if self._fps is None:
            return number
        if time_s is None:
            time_s = number / (self._rate or Fraction(25))
        return math.floor((time_s + _EARLY_S) * self._fps)

    def keeps(self, number: int, slot: int, last_slot: int | None) -> bool:
        """Whether the frame is emitted, given the slot of the last emitted one, if there is one."""
        return number % self._every == 0 and slot != last_slot

    def interval(self, nominal: Fraction) -> Fraction:
        """Seconds between emitted frames where decoded ones are `nominal` seconds apart."""
        return max(nominal * self._every, 1 / self._fps if self._fps else Fraction(0))

    def count(self, decoded: int | None) -> int | None:
        """Estimate how many of `decoded` frames are emitted; None where nobody knows."""
        if decoded is None:
            return None
        kept = -(-decoded // self._every)
        if self._fps is None:
            return kept
        return (
            None if self._rate is None else min(kept, math.ceil(decoded / self._rate * self._fps))
        )
