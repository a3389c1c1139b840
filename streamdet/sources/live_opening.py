"""Opens cameras: quickly, within a time limit, and so that nothing but the camera is read.

Note on quick opening (FFmpeg 8.1, GStreamer's server on the same machine, H.264). With defaults
an RTSP stream of 25 images a second opens after 1.2 s and then hands out 29 old frames at once;
`analyzeduration` of 0.1 s takes 0.26 s, 4 old frames, and 5 s at 1 image a second. RTSP says in
words what it sends, so the first packet is enough: `_RTSP_PROBE` takes 0.17 s at 15 images a
second, no old frame, 3 s at 1. (An analyzeduration of 0 means the default.) `fflags=nobuffer` loses
what comes until the next keyframe, `noparse` breaks decoding, the flag for low delay changes
nothing; threads other than SLICE hold frames back. FFmpeg ends an image of H.264 or H.265 when the
next one begins, so these come one frame late in any case; MJPEG does not. Measured from the
camera's clock at 15 images a second: 72 ms as it is, 71 with `low_delay`, 70 with `nobuffer` and
`flush_packets` (16 of 77 images lost), 6 with `noparse`. But then each packet is what one RTP
packet carried, 1.4 kB of an image, and FFmpeg tells nobody which was an image's last (RTP's marker
is lost), so that no parser or decoder of ours could end an image earlier either.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from streamdet.errors import CameraLostError, CameraRefusedError, SourceError
from streamdet.sources.camera_gateway import CameraGateway, checked_addresses
from streamdet.sources.camera_peers import open_sockets, refused_peers
from streamdet.sources.camera_reasons import UNREADABLE, explained
from streamdet.sources.live_address import LiveAddress
from streamdet.system.networks import EVERYWHERE, Networks

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_PROTOCOLS: Final = "rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https,httpproxy,crypto,rtmp,rtmps,srt"
"""What a stream may lead on to (HLS, redirections): never a file of this machine."""

_FORMATS: Final = (
    "rtsp,hls,mpjpeg,mjpeg,mpegts,flv,live_flv,mov,matroska,h264,hevc,m4v,av1,obu,ivf,asf,ogg,"
    "aac,mp3,ac3,eac3,webvtt,jpeg_pipe,multipart_mixed_replace"
)
_RTSP_PROBE: Final = {"analyzeduration": "1", "probesize": "32", "fpsprobesize": "0"}
_THREADS: Final = 4
_MOST_OPENINGS: Final = 3


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


@dataclass(frozen=True, slots=True)
class OpenCamera:
    """A camera's stream, and what it is read through.

    Attributes:
        container: the stream.
        gateway: checks what an HTTP camera leads on to; None for others.
    """

    container: InputContainer
    gateway: CameraGateway | None = None

    @property
    def problem(self) -> SourceError | None:
        """Why what the camera led on to last could not be called; None where it could."""
        return None if self.gateway is None else self.gateway.problem

    def close(self) -> None:
        """Close the connection."""
        with suppress(Exception):  # closing may fail if the camera is gone
            self.container.close()
        if self.gateway is not None:
            self.gateway.close()


def open_camera(
    address: LiveAddress, limits: CameraLimits, networks: Networks = EVERYWHERE
) -> OpenCamera:
    """Open a camera.

    Args:
        address: of kind "network" or "device".
        limits: how it is read.
        networks: where it may be.

    Raises:
        CameraLostError: it cannot be reached.
        CameraRefusedError: it answers, and what it says will not change by itself; or it may not
            be called.
    """
    if address.scheme in ("http", "https"):
        return _open_http(address, limits, networks)
    if not address.host or address.scheme == "udp":
        return OpenCamera(_opened(address, limits))  # it calls nobody
    numbers = checked_addresses(address.host, networks, limits.open_s)
    if not networks.may_refuse:
        return _open_watched(address, limits, numbers, networks)
    for number in numbers[:-1]:
        with suppress(CameraLostError):
            return _open_watched(_in_numbers(address, number), limits, numbers, networks)
    return _open_watched(_in_numbers(address, numbers[-1]), limits, numbers, networks)


def _open_watched(
    address: LiveAddress, limits: CameraLimits, numbers: Sequence[str], networks: Networks
) -> OpenCamera:
    """Open a camera that may lead on only to its own addresses, or to where `networks` allows.

    A forbidden connection that stays when the camera is closed is of something else in this
    process, which connected at that moment: then the camera is opened once more.

    Raises:
        CameraLostError: it cannot be reached.
        CameraRefusedError: it answers, and leads on.
    """
    for _ in range(_MOST_OPENINGS):
        before = open_sockets()
        camera = OpenCamera(_opened(address, limits))
        refused = refused_peers(before, numbers, networks.led_on)
        if not refused:
            return camera
        camera.close()
        there = open_sockets()
        for inode, refusal in refused.items():
            if inode not in there:
                raise CameraRefusedError(f"it redirects: {refusal}")
    raise CameraLostError("what it leads on to could not be told apart from other connections")


def _open_http(address: LiveAddress, limits: CameraLimits, networks: Networks) -> OpenCamera:
    gateway = CameraGateway(address.host, networks, limits.open_s)
    try:
        return OpenCamera(_opened(address, limits, gateway), gateway)
    except SourceError as exc:
        gateway.close()
        raise gateway.problem or exc from None  # FFmpeg saw no more than the gateway's answer


def _opened(
    address: LiveAddress, limits: CameraLimits, gateway: CameraGateway | None = None
) -> InputContainer:
    import av

    av.logging.set_level(None)
    options = _options(address, limits)
    if gateway is not None:
        options["http_proxy"] = gateway.url
    started_s = time.monotonic()
    failure = None
    try:
        return av.open(
            address.place,
            "r",
            format="v4l2" if address.kind == "device" else None,
            options=options,
            timeout=(limits.open_s, limits.read_s),
        )
    except Exception as exc:  # noqa: BLE001  bad streams raise IndexError and others, too
        failure = explained(exc, UNREADABLE)
    if time.monotonic() - started_s >= limits.open_s and isinstance(failure, CameraLostError):
        failure = CameraLostError(f"nothing answered within {limits.open_s:g} s")
    raise failure  # here, so that FFmpeg's error with the address is no part of it


def _in_numbers(address: LiveAddress, number: str) -> LiveAddress:
    """Put a number in place of a camera's host: FFmpeg looks no name up again."""
    parts = urlsplit(address.place)
    login, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port is not None else ""
    host = f"[{number}]" if ":" in number else number
    place = urlunsplit(parts._replace(netloc=f"{login}{at}{host}{port}"))
    return replace(address, place=place)


def _options(address: LiveAddress, limits: CameraLimits) -> dict[str, str]:
    if address.kind == "device":
        return {}
    # PyAV's own limits, which are exact, come first.
    wait = str(round((limits.open_s + limits.read_s) * 1e6))
    options = {
        "analyzeduration": "100000",
        "max_pixels": str(limits.max_pixels),
        "protocol_whitelist": _PROTOCOLS,
        "format_whitelist": _FORMATS,
        "rw_timeout": wait,
    }
    if address.scheme in ("rtsp", "rtsps"):
        options |= {"rtsp_transport": limits.transport, "allowed_media_types": "video"}
        options |= _RTSP_PROBE
    if address.scheme not in ("rtmp", "rtmps"):  # there it means: wait for somebody to call
        options["timeout"] = wait
    if address.scheme == "udp":
        options["overrun_nonfatal"] = "1"
    if address.scheme in ("http", "https"):
        options["live_start_index"] = "-2"  # of HLS: nearer to now than the default -3
        options["http_persistent"] = "0"  # a connection of the gateway carries one request
    return options


def choose_video(container: InputContainer, max_pixels: int) -> VideoStream:
    """Choose the best video stream and let all others be.

    Raises:
        CameraRefusedError: there is none, or it cannot be decoded.
    """
    from av.stream import Discard
    from av.video.stream import VideoStream

    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise CameraRefusedError("it sends no video")
    if stream.codec_context is None:
        raise CameraRefusedError("its video codec is not supported")
    check_size(stream, max_pixels)
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    codec = stream.codec_context
    codec.options = {"max_pixels": str(max_pixels)}
    codec.thread_type = "SLICE"
    codec.thread_count = _THREADS
    return stream


def check_size(stream: VideoStream, max_pixels: int) -> None:
    """Check the size that a stream states.

    Raises:
        CameraRefusedError: it is larger than `max_pixels`.
    """
    codec = stream.codec_context
    if codec.width * codec.height > max_pixels:
        raise CameraRefusedError(
            f"its images of {codec.width}x{codec.height} have more pixels than max_pixels,"
            f" {max_pixels}"
        )
