"""A frame of video: who it is, where its pixels lie, and how resized pixels map back to it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

ClockName = Literal["camera", "host"]


@dataclass(frozen=True, slots=True)
class FrameRef:
    """The address of pixels: a slot of a pool, and which of the slot's uses is meant.

    Attributes:
        pool: name of the pool, which is the name of the node that fills it.
        slot: 0-based slot of the pool.
        generation: how often the slot has been freed; a reader that finds another one is stale.
    """

    pool: str
    slot: int
    generation: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame. Its identity is (run, source_id, index), never pts.

    Attributes:
        source_id: the source's name, unique in a run.
        index: 0-based, without gaps: a frame that is sampled away never gets one.
        pts: presentation time in ticks of `time_base`; None where the file has none.
        time_base: seconds per tick.
        duration: ticks that the frame is shown; at least 1 (nominal frame rate where unstated).
        hw: height and width in pixels, upright (rotation metadata already applied).
        captured_ns: wall clock at decoding, nanoseconds since the epoch.
        pixels: where the image lies, in its pool's pixel format; None where no other process needs
            it.
        is_still: whether it is an image by itself, unrelated to those before it: nothing in it is
            tracked.
        clock: whose wall clock `captured_ns` is: the camera's own, or this host's.
    """

    source_id: str
    index: int
    pts: int | None
    time_base: Fraction
    duration: int
    hw: tuple[int, int]
    captured_ns: int
    pixels: FrameRef | None = None
    is_still: bool = False
    clock: ClockName = "host"

    @property
    def pts_ns(self) -> int | None:
        """Presentation time in nanoseconds, rounded down; None where the file states none."""
        if self.pts is None:
            return None
        return self.pts * self.time_base.numerator * 1_000_000_000 // self.time_base.denominator


@dataclass(frozen=True, slots=True)
class Geometry:
    """How source pixels map to prepared pixels: prepared = source * scale + offset, x and y apart.

    Coordinates are edges, not centres: the left edge of the first pixel is 0.

    Attributes:
        scale_xy: prepared pixels per source pixel.
        offset_xy: where the source's top left corner lies in the prepared image, pixels.
    """

    scale_xy: tuple[float, float]
    offset_xy: tuple[float, float] = (0.0, 0.0)

    def to_prepared(self, xyxy: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Map boxes or points from source to prepared pixels; the inverse of `to_source`.

        Args:
            xyxy: (..., 4) float32 boxes or (..., 2) float32 points, source pixels.

        Returns:
            As many, float32, prepared pixels, not clipped.
        """
        pairs = xyxy.shape[-1] // 2
        return (xyxy * self._scale(pairs) + self._offset(pairs)).astype(np.float32)

    def to_source(self, xyxy: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Map boxes or points from prepared to source pixels; the inverse of `to_prepared`.

        Args:
            xyxy: (..., 4) float32 boxes or (..., 2) float32 points, prepared pixels.

        Returns:
            As many, float32, source pixels, not clipped.
        """
        pairs = xyxy.shape[-1] // 2
        return ((xyxy - self._offset(pairs)) / self._scale(pairs)).astype(np.float32)

    def _scale(self, pairs: int) -> npt.NDArray[np.float64]:
        return np.array(self.scale_xy * pairs, dtype=np.float64)

    def _offset(self, pairs: int) -> npt.NDArray[np.float64]:
        return np.array(self.offset_xy * pairs, dtype=np.float64)
