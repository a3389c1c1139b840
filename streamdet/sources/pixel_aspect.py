"""The shape of a video's pixels: its sample aspect ratio (SAR), width divided by height.

Recorders store images narrower than they are shown. All stages after the decoder get square
pixels: an image is stretched in the pass that converts it, so that no stored pixel is lost.
"""

from __future__ import annotations

import math
from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING, Final, cast

from streamdet.sources.stream_choice import is_heif

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SQUARE: Final = Fraction(1)

_MOST_UNEQUAL: Final = 10
"""No camera makes pixels more than this times as wide as high; the widest in use are 4:1."""

_STILLS: Final = frozenset({"apng", "gif", "webp"})


def shown_hw(hw: tuple[int, int], pixel_aspect: Fraction) -> tuple[int, int]:
    """Return the size of an image with square pixels: one side is stretched, none shrinks.

    Args:
        hw: height and width as stored.
        pixel_aspect: a pixel's width divided by its height, positive.
    """
    height, width = hw
    if pixel_aspect == 1:
        return hw
    if pixel_aspect >= 1:
        return height, round(width * pixel_aspect)
    return round(height / pixel_aspect), width


class PixelAspects:
    """Tells the pixel aspect of each frame of one stream.

    As in FFmpeg (`av_guess_sample_aspect_ratio`) the container's value counts before the codec's.
    In images it is ignored, as in browsers and labelling tools: there it is the printing density.
    """

    def __init__(self, stream: VideoStream, max_pixels: int) -> None:
        """Take the stated aspect; one that gives more than `max_pixels` is not used."""
        self._codec = stream.codec_context
        self._coded = self._codec.sample_aspect_ratio
        stated = stream.sample_aspect_ratio
        name = stream.container.format.name
        is_still = name.endswith("_pipe") or name in _STILLS or is_heif(stream.container)
        self._is_fixed = is_still or bool(stated and stated != self._coded)
        self._stated = SQUARE if is_still else stated or SQUARE
        self._max_pixels = max_pixels
        self._packets = 0
        self._changes: deque[tuple[int, Fraction]] = deque()
        self._judged: tuple[Fraction, tuple[int, int]] | None = None
        self._is_usable = True
        self._codec.copy_opaque = True

    def number(self, packet: Packet[VideoStream]) -> None:
        """Number a packet that the codec is given next; the frame in it carries the number."""
        packet.opaque = self._packets
        self._packets += 1

    def note(self) -> None:
        """Check whether the codec states another aspect since it got the last packet.

        PyAV does not show what a frame itself states, and frames come later than their packets.
        """
        coded = self._codec.sample_aspect_ratio
        if coded != self._coded and not self._is_fixed:
            self._coded = coded
            self._changes.append((self._packets - 1, coded or SQUARE))

    def of(self, frame: VideoFrame) -> Fraction:
        """Return a frame's pixel aspect; 1 where the stated one is impossible (see `unusable`)."""
        while self._changes and cast(int, frame.opaque) >= self._changes[0][0]:
            self._stated = self._changes.popleft()[1]
        hw = frame.height, frame.width
        if (self._stated, hw) != self._judged:
            self._judged = self._stated, hw
            self._is_usable = _is_possible(*self._judged, self._max_pixels)
        return self._stated if self._is_usable else SQUARE

    @property
    def unusable(self) -> Fraction | None:
        """The stated aspect of the last frame, if it is impossible."""
        return None if self._is_usable else self._stated


def _is_possible(aspect: Fraction, hw: tuple[int, int], max_pixels: int) -> bool:
    is_likely = 1 <= _MOST_UNEQUAL * aspect <= _MOST_UNEQUAL**2
    return is_likely and math.prod(shown_hw(hw, aspect)) <= max_pixels
