"""Chooses the decoded frames that are emitted: every N-th, or a number per second."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Self

from pydantic import Field, model_validator

from streamdet.config.options import Options

_EARLY_S = Fraction(1, 1000)
"""How early for its slot a frame may come: containers round pts to milliseconds."""

RULES = ("every", "fps")
"""The options of which one rules; a camera that states one of them does without its node's."""

MIN_RATE = 1e-5
"""Frames per second: one a day."""

_NTSC_ROUNDING = Fraction(1, 200_000)
"""NTSC rates are written with 3 decimals at most, such as 23.976 for 24000/1001."""


class SamplingOptions(Options):
    """Options that every kind of source has."""

    every: int = Field(1, ge=1, le=1_000_000, description="Emit each N-th frame only.")
    fps: float | None = Field(
        None,
        ge=MIN_RATE,
        le=1000,
        description="Emit at most this many frames per second of source time; not with `every`.",
    )

    @model_validator(mode="after")
    def _check_one_rule(self) -> Self:
        if self.fps is not None and self.every > 1:
            raise ValueError(f"wanted every or fps, got both: every {self.every}, fps {self.fps}")
        return self


def exact_rate(rate: float) -> Fraction:
    """Return the exact rate of a decimal number: 29.97 is 30000/1001, 12.5 is 25/2.

    Args:
        rate: frames per second, MIN_RATE to 1000.

    Returns:
        A fraction whose parts fit the 32 bits that media files have for them.
    """
    ntsc = Fraction(round(rate * 1.001) * 1000, 1001)
    is_ntsc = abs(ntsc - Fraction(rate)) < Fraction(rate) * _NTSC_ROUNDING
    return ntsc if is_ntsc else Fraction(rate).limit_denominator(round(1 / MIN_RATE))


class Sampler:
    """Decides from a frame's number and time alone, so that it can start anywhere in a source.

    With `fps`, time is cut into slots of 1/fps seconds; the first frame of each slot is emitted.
    """

    def __init__(self, options: SamplingOptions, rate: Fraction | None) -> None:
        """Sample a source of a nominal `rate`, frames per second; None where that is not known."""
        self._every = options.every
        self._rate = rate
        self._fps = None if options.fps is None else exact_rate(options.fps)
        if self._fps and rate and rate <= self._fps:
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
        return nominal * self._every if self._fps is None else max(nominal, 1 / self._fps)

    def count(self, decoded: int | None) -> int | None:
        """Estimate how many of `decoded` frames are emitted; None where unknown."""
        if decoded is None:
            return None
        if self._fps is None:
            return -(-decoded // self._every)
        if self._rate is None:
            return None
        return min(decoded, math.ceil(decoded / self._rate * self._fps))
