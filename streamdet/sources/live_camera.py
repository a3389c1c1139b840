"""Reads a camera through FFmpeg: opens it quickly, and limits every wait.

Note on quick opening (FFmpeg 8.1, GStreamer's server on the same machine, H.264 of 480x640). With
defaults an RTSP stream opens after 1.2 s and then hands out 29 old frames at once;
`analyzeduration` of 0.1 s opens after 0.26 s with 4. An analyzeduration of 0 means the default.
`fflags=nobuffer` loses what comes until the next keyframe, `noparse` breaks decoding. Other threads
than SLICE hold frames back.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from streamdet.errors import CameraLostError, CameraRefusedError, CameraSilentError
from streamdet.sources.camera_reasons import explained
from streamdet.sources.capture_clock import CaptureClock, CaptureTime
from streamdet.sources.live_address import LiveAddress

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_PROTOCOLS: Final = "rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https,httpproxy,crypto,rtmp,rtmps,srt"
"""Protocols that a stream may refer to (HLS, redirections): never a file of this machine."""

_FORMATS: Final = (
    "rtsp,hls,mpjpeg,mjpeg,mpegts,flv,live_flv,mov,matroska,h264,hevc,m4v,av1,obu,ivf,asf,ogg,"
    "aac,mp3,ac3,eac3,webvtt,jpeg_pipe,multipart_mixed_replace"
)
_WITHOUT_TIMES: Final = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "m4v", "obu"})
"""Formats whose packets have no time: FFmpeg invents one from a rate of 25."""

_THREADS: Final = 4
_NO_IMAGE_TIMES: Final = 4
"""Packets may come without an image for this many read timeouts: keyframes may be 10 s apart."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A decoded frame of a live source: pts and duration in ticks of `time_base`, see LiveFrame."""

    frame: VideoFrame
    pts: int | None
    time_base: Fraction
    duration: int
    taken: CaptureTime


@dataclass(frozen=True, slots=True)
class CameraLimits:
    """How a camera is read.

    Attributes:
        transport: of RTSP, "tcp" or "udp".
        open_s: how long each step of opening may take, seconds.
        read_s: how long no packet may come, seconds.
        max_pixels: larger images are not decoded.
    """

    transport: str
    open_s: float
    read_s: float
    max_pixels: int


class LiveCamera:
    """One connection to a camera.

    Args:
        address: of kind "network" or "device".
        limits: how it is read.

    Attributes:
        hw: height and width that the stream announced; None where it did not.
        codec: the codec's name.
        rate: frames per second that the stream announced; None where it did not.

    Raises:
        CameraLostError: it cannot be reached.
        CameraRefusedError: it answers with an error that will not go away by itself.
    """

    def __init__(self, address: LiveAddress, limits: CameraLimits) -> None:
        self._limits = limits
        if address.scheme and address.scheme != "udp":
            _look_up(address.host, limits.open_s)
        self._container = _open(address, limits)
        try:
            self._stream = _video(self._container, limits.max_pixels)
        except Exception:
            self._container.close()
            raise
        codec = self._stream.codec_context
        self.hw = (codec.height, codec.width) if codec.height and codec.width else None
        self.codec = codec.name
        rates = [r for r in (self._stream.average_rate, self._stream.guessed_rate) if r]
        self.rate = min(rates, default=None)
        self.time_base = self._stream.time_base or Fraction(1, 90_000)
        self._has_times = self._container.format.name not in _WITHOUT_TIMES
        self._clock = CaptureClock()

    def close(self) -> None:
        """Close the connection."""
        with suppress(Exception):  # closing may fail if the camera is gone
            self._container.close()

    def frames(self) -> Generator[Arrival, None, None]:
        """Yield frames as they come.

        Raises:
            CameraLostError: the stream has ended, failed or is silent.
        """
        last_packet_s = last_image_s = time.monotonic()
        for packet in self._packets():
            now_s = time.monotonic()
            if packet.stream.type != "video":
                _check_silence(now_s - last_packet_s, self._limits.read_s, "no video packet")
                continue
            last_packet_s = now_s
            self._note(packet, now_s)
            for frame in _decoded(packet):
                last_image_s = now_s
                yield self._arrival(frame)
            limit_s = _NO_IMAGE_TIMES * self._limits.read_s
            _check_silence(now_s - last_image_s, limit_s, "no image that can be decoded")
        raise CameraLostError("the stream ended")

    def _packets(self) -> Iterator[Packet[Any]]:
        packets = self._container.demux()
        while True:
            failure = packet = None
            try:
                packet = next(packets, None)
            except Exception as exc:  # noqa: BLE001  bad streams raise IndexError and others, too
                failure = explained(exc, f"no packet for {self._limits.read_s:g} s")
            if failure is not None:
                raise failure  # outside `except`: FFmpeg's error holds the address
            if packet is None:
                return
            if packet.size:
                yield packet

    def _note(self, packet: Packet[Any], now_s: float) -> None:
        if packet.pts is None or not self._has_times:
            return
        wall_s = None
        if packet.has_sidedata("prft"):
            data = bytes(packet.get_sidedata("prft"))
            wall_s = struct.unpack_from("<q", data)[0] / 1e6
        self._clock.packet(float(packet.pts * self.time_base), now_s, wall_s)

    def _arrival(self, frame: VideoFrame) -> Arrival:
        pts = frame.pts if self._has_times else None
        seconds = None if pts is None else float(pts * self.time_base)
        nominal = round(1 / (self.rate * self.time_base)) if self.rate else 0
        return Arrival(
            frame,
            pts,
            self.time_base,
            max(1, frame.duration or nominal),
            self._clock.time(seconds, time.monotonic(), time.time_ns()),
        )


def _open(address: LiveAddress, limits: CameraLimits) -> InputContainer:
    import av

    av.logging.set_level(None)
    failure = None
    try:
        return av.open(
            address.place,
            "r",
            format="v4l2" if address.kind == "device" else None,
            options=_options(address, limits),
            timeout=(limits.open_s, limits.read_s),
        )
    except Exception as exc:  # noqa: BLE001  bad streams raise IndexError and others, too
        failure = explained(exc, f"nothing answered within {limits.open_s:g} s")
    raise failure  # outside `except`: FFmpeg's error holds the address


def _options(address: LiveAddress, limits: CameraLimits) -> dict[str, str]:
    if address.kind == "device":
        return {}
    wait = str(round(limits.read_s * 1e6))
    options = {
        "analyzeduration": "100000",
        "max_pixels": str(limits.max_pixels),
        "protocol_whitelist": _PROTOCOLS,
        "format_whitelist": _FORMATS,
        "rw_timeout": wait,
    }
    if address.scheme in ("rtsp", "rtsps"):
        options |= {"rtsp_transport": limits.transport, "allowed_media_types": "video"}
    if address.scheme not in ("rtmp", "rtmps"):  # there it means: listen for a connection
        options["timeout"] = wait
    if address.scheme == "udp":
        options["overrun_nonfatal"] = "1"
    return options


def _look_up(host: str, limit_s: float) -> None:
    """Look up a host's name: FFmpeg would do so without a time limit and without a clear error."""
    import socket

    found: list[str] = []

    def look() -> None:
        try:
            socket.getaddrinfo(host, None)
            found.append("")
        except (OSError, UnicodeError):
            found.append("the name of its host is not known")

    thread = Thread(target=look, daemon=True)
    thread.start()
    thread.join(limit_s)
    problem = found[0] if found else f"the name of its host was not found within {limit_s:g} s"
    if problem:
        raise CameraLostError(problem)


def _video(container: InputContainer, max_pixels: int) -> VideoStream:
    stream = next(iter(container.streams.video), None)
    if stream is None:
        raise CameraRefusedError("it sends no video")
    codec = stream.codec_context
    if codec is None:
        raise CameraRefusedError("its video codec is not supported")
    if codec.width * codec.height > max_pixels:
        raise CameraRefusedError(
            f"its images of {codec.width}x{codec.height} have more pixels than max_pixels,"
            f" {max_pixels}"
        )
    codec.options = {"max_pixels": str(max_pixels)}
    codec.thread_type = "SLICE"
    codec.thread_count = _THREADS
    return stream


def _decoded(packet: Packet[VideoStream]) -> list[VideoFrame]:
    import av

    try:
        return packet.decode()
    except (av.FFmpegError, ValueError, IndexError, AttributeError):
        return []  # damaged: decoding recovers at the next keyframe


def _check_silence(passed_s: float, limit_s: float, what: str) -> None:
    if passed_s > limit_s:
        raise CameraSilentError(f"{what} for {limit_s:g} s")
