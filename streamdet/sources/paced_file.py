"""A video file played like a camera: each frame when it is due, from the start again if asked."""

from __future__ import annotations

import time
from collections.abc import Generator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamdet.errors import CameraLostError, SourceError
from streamdet.sources.capture_clock import CaptureTime
from streamdet.sources.live_camera import Arrival
from streamdet.sources.pacing import Pacer
from streamdet.sources.packet_tap import PacketTap
from streamdet.sources.video_reader import DecoderOptions, VideoReader

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

_UNKNOWN_RATE: Final = Fraction(25)


class PacedFile:
    """Plays one file.

    Args:
        path: of the file.
        loop: whether it starts again at its end; its times continue.
        max_pixels: larger images are not decoded.
        tap: is shown each packet; None for nobody.

    Raises:
        CameraLostError: the file cannot be opened.
    """

    def __init__(
        self, path: Path, *, loop: bool, max_pixels: int, tap: PacketTap | None = None
    ) -> None:
        self._path = path
        self._tap = tap
        self._loop = loop
        self._options = DecoderOptions(1, keyframes_only=False, max_pixels=max_pixels)
        self._reader = self._open()
        self.rate = self._reader.rate
        self.hw = self._reader.hw
        self.codec = self._reader.codec

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def frames(self) -> Generator[Arrival, None, None]:
        """Yield each frame when it is due.

        Raises:
            CameraLostError: the file has ended or cannot be read further.
        """
        pacer = Pacer()
        offset = Fraction(0)
        while True:
            nominal = 1 / (self._reader.rate or _UNKNOWN_RATE)
            shown_s = offset
            for frame in self._reader:
                time_base = self._reader.time_base
                shown_s = offset + ((self._reader.pts or 0) - self._reader.start_pts) * time_base
                late_ns = pacer.wait(shown_s)
                yield Arrival(
                    frame,
                    round(shown_s / time_base),
                    time_base,
                    max(1, round(nominal / time_base)),
                    CaptureTime(time.time_ns() - late_ns, "host", late_ns),
                )
            if not self._loop or self._reader.decoded == 0:
                raise CameraLostError("the stream ended")
            offset = shown_s + nominal
            self._reader.close()
            self._reader = self._open()

    def _open(self) -> VideoReader:
        try:
            reader = VideoReader(self._path, self._options)
        except SourceError as exc:
            raise CameraLostError(str(exc).removeprefix(f"{self._path}: ")) from exc
        if self._tap is not None:
            reader.on_packet = partial(_show, self._tap, reader.stream)
        return reader


def _show(tap: PacketTap, stream: VideoStream, packet: Packet[VideoStream]) -> None:
    tap.take(
        packet,
        stream,
        has_times=True,
        arrived_ns=time.monotonic_ns(),
        captured_ns=time.time_ns(),
    )
