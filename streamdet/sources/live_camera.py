"""Reads a camera through FFmpeg: waits for nothing without a limit."""

from __future__ import annotations

import struct
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from streamdet.errors import CameraLostError, CameraRefusedError, CameraSilentError
from streamdet.sources.camera_reasons import BROKEN_OFF, explained
from streamdet.sources.capture_clock import CaptureClock, CaptureTime
from streamdet.sources.live_address import LiveAddress
from streamdet.sources.live_opening import CameraLimits, check_size, choose_video, open_camera
from streamdet.sources.pacing import Pacer
from streamdet.sources.packet_tap import PacketTap
from streamdet.system.networks import EVERYWHERE, Networks

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_WITHOUT_TIMES: Final = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "m4v", "obu"})
"""Formats whose packets have no time: FFmpeg invents one from a rate of 25."""

_READ_AHEAD: Final = frozenset({"hls", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"})
"""Formats that come in pieces of seconds, or as fast as they are read: they are played paced."""

_LONGEST_WAIT_S: Final = 2.0
_NO_IMAGE_TIMES: Final = 4
"""Packets may come without an image for this many read timeouts: keyframes may be 10 s apart."""

_LONGEST_STEP_S: Final = 10
_BAD_SIZES: Final = 5
"""One bad size may be damage; not so many with no image between them."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A decoded frame of a live source: pts and duration in ticks of `time_base`, see LiveFrame."""

    frame: VideoFrame
    pts: int | None
    time_base: Fraction
    duration: int
    taken: CaptureTime


class LiveCamera:
    """One connection to a camera.

    Args:
        address: of kind "network" or "device".
        limits: how it is read.
        tap: is shown each packet of the video; None for nobody.
        networks: where the camera may be.

    Attributes:
        hw: height and width that the stream announced; None where it did not.
        codec: the codec's name.
        rate: frames per second that the stream announced; None where it did not.

    Raises:
        CameraLostError: it cannot be reached.
        CameraRefusedError: it answers with an error that will not go away by itself.
    """

    def __init__(
        self,
        address: LiveAddress,
        limits: CameraLimits,
        tap: PacketTap | None = None,
        networks: Networks = EVERYWHERE,
    ) -> None:
        self._limits = limits
        self._tap = tap
        self._opened = open_camera(address, limits, networks)
        self._container = self._opened.container
        try:
            self._stream = choose_video(self._container, limits.max_pixels)
        except Exception:
            self._opened.close()
            raise
        codec = self._stream.codec_context
        self.hw = (codec.height, codec.width) if codec.height and codec.width else None
        self.codec = codec.name
        rates = [r for r in (self._stream.average_rate, self._stream.guessed_rate) if r]
        self.rate = min(rates, default=None)
        self.time_base = self._stream.time_base or Fraction(1, 90_000)
        self._has_times = self._container.format.name not in _WITHOUT_TIMES
        is_read_ahead = self._container.format.name in _READ_AHEAD
        self._pacer = Pacer(_LONGEST_WAIT_S) if is_read_ahead else None
        self._clock = CaptureClock()
        self._last_pts: int | None = None
        self._bad_sizes = 0

    def close(self) -> None:
        """Close the connection."""
        self._opened.close()

    def frames(self) -> Generator[Arrival, None, None]:
        """Yield frames as they come.

        Raises:
            CameraLostError: the stream has ended, failed or is silent.
            CameraRefusedError: it leads on to an address that may not be called.
        """
        try:
            yield from self._frames()
        except CameraLostError as exc:
            raise self._opened.problem or exc from None

    def _frames(self) -> Iterator[Arrival]:
        read_s = self._limits.read_s
        last_packet_s = last_image_s = time.monotonic()
        for packet in self._packets():
            now_s = time.monotonic()
            # Also when it is video: after a time-out FFmpeg first hands out what its parser held.
            _check_silence(now_s - last_packet_s, read_s, "no packet")
            if packet.stream_index != self._stream.index:
                continue
            self._note(packet, now_s)
            frames = self._decoded(packet)
            self._show(packet, now_s)
            for frame in frames:
                yield self._arrival(frame)
                last_image_s = now_s = time.monotonic()  # whoever takes it may take its time
            _check_silence(
                now_s - last_image_s, _NO_IMAGE_TIMES * read_s, "no image that can be decoded"
            )
            last_packet_s = now_s
        raise CameraLostError("the stream ended")

    def _packets(self) -> Iterator[Packet[Any]]:
        packets = self._container.demux()
        while True:
            started_s = time.monotonic()
            failure = packet = None
            try:
                packet = next(packets, None)
            except Exception as exc:  # noqa: BLE001  bad streams raise IndexError and others, too
                failure = explained(exc, BROKEN_OFF)
            if packet is None:
                _check_silence(time.monotonic() - started_s, self._limits.read_s, "no packet")
            if failure is not None:
                raise failure  # outside `except`: FFmpeg's error holds the address
            if packet is None:
                return
            if packet.size:
                yield packet

    def _decoded(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        """Decode a packet; damage is passed over, the next keyframe repairs it."""
        import av

        try:
            frames = packet.decode()
        except av.ArgumentError:  # the size is not one that max_pixels allows
            self._bad_sizes += 1
        except (av.FFmpegError, ValueError, IndexError, AttributeError):
            pass
        else:
            self._bad_sizes = 0 if frames else self._bad_sizes
            return frames
        check_size(self._stream, self._limits.max_pixels)
        if self._bad_sizes >= _BAD_SIZES:
            limit = self._limits.max_pixels
            raise CameraRefusedError(f"its images have more pixels than max_pixels, {limit}")
        return []

    def _note(self, packet: Packet[Any], now_s: float) -> None:
        if packet.pts is None or not self._has_times:
            return
        wall_s = None
        if packet.has_sidedata("prft"):
            data = bytes(packet.get_sidedata("prft"))
            wall_s = struct.unpack_from("<q", data)[0] / 1e6
        self._clock.packet(float(packet.pts * self.time_base), now_s, wall_s)

    def _show(self, packet: Packet[Any], now_s: float) -> None:
        if self._tap is None:
            return
        captured_ns = time.time_ns()
        if self._has_times and packet.pts is not None and self._pacer is None:
            seconds = float(packet.pts * self.time_base)
            captured_ns = self._clock.time(seconds, now_s, captured_ns).captured_ns
        self._tap.take(
            packet,
            self._stream,
            has_times=self._has_times,
            arrived_ns=round(now_s * 1e9),
            captured_ns=captured_ns,
        )

    def _arrival(self, frame: VideoFrame) -> Arrival:
        pts = frame.pts if self._has_times else None
        duration = self._duration(pts, frame.duration or 0)
        return Arrival(frame, pts, self.time_base, duration, self._taken(pts))

    def _taken(self, pts: int | None) -> CaptureTime:
        shown_s = None if pts is None else pts * self.time_base
        if self._pacer is not None and shown_s is not None:
            late_ns = self._pacer.wait(shown_s)
            return CaptureTime(time.time_ns() - late_ns, "host", late_ns)
        seconds = None if shown_s is None else float(shown_s)
        return self._clock.time(seconds, time.monotonic(), time.time_ns())

    def _duration(self, pts: int | None, stated: int) -> int:
        """Ticks between frames: what cameras announce is often wrong, so as they came last."""
        last, self._last_pts = self._last_pts, pts
        step = pts - last if pts is not None and last is not None else 0
        if 0 < step <= _LONGEST_STEP_S / self.time_base:
            return step
        nominal = round(1 / (self.rate * self.time_base)) if self.rate else 0
        return max(1, nominal or stated)


def _check_silence(passed_s: float, limit_s: float, what: str) -> None:
    if passed_s > limit_s:
        raise CameraSilentError(f"{what} for {limit_s:g} s")
