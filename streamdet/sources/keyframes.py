"""Where a video file can be cut so that its parts decode as they do in the whole file.

Seeking to a keyframe and decoding from there gives, bit for bit, the frames of a decoder that came
from the file's start, where all of this holds; tests/sources/test_keyframes.py compares them:

- the container finds a keyframe exactly: MP4, MOV, fragmented MP4, Matroska, WebM. MPEG-TS and
  MPEG-PS land behind it, and AVI has no presentation times;
- the frame there needs none before it: H.264 IDR (its other "keyframes" may be the start of an
  intra refresh), HEVC IDR, BLA and CRA, any keyframe of VP8, VP9, AV1, and every frame of codecs
  that are intra only.

Any other file is one part: decoded as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from streamdet.errors import SourceError
from streamdet.sources.file import FileOptions
from streamdet.sources.media_file import MediaPlace, open_media_file
from streamdet.sources.pixel_aspect import SQUARE, shown_hw
from streamdet.sources.safe_open import open_media
from streamdet.sources.stream_choice import choose_video, is_heif
from streamdet.sources.video_reader import INDEXED

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_CLEAN_NALS: Final = {"h264": frozenset({5}), "hevc": frozenset({16, 17, 18, 19, 20, 21})}
"""NAL unit types of pictures that need none before them: ITU-T H.264 table 7-1, H.265 table 7-1."""

_CLEAN_KEYFRAMES: Final = frozenset(
    {"vp8", "vp9", "av1", "mjpeg", "prores", "dnxhd", "ffv1", "huffyuv", "png", "rawvideo"}
)
"""Codecs of which every keyframe is such a picture."""

_START_CODE: Final = b"\0\0\1"
_MOST_MISSES: Final = 30
"""Seeks in a row that find no keyframe to cut at, after which the rest is not cut."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a video file's header says, and where it is cut.

    Attributes:
        hw: height and width with square pixels, not turned; None where it is not stated.
        seconds: how long it lasts; None where that is not stated.
        rate: nominal frames per second; None where unknown.
        cuts: pts of the keyframes at which a part begins, ticks, rising; () for one part.
        why_whole: why it is not cut though it is long enough, in a few words; "" where it is, or
            need not be.
    """

    hw: tuple[int, int] | None
    seconds: float | None
    rate: float | None
    cuts: tuple[int, ...] = ()
    why_whole: str = ""


def read_facts(path: MediaPlace, options: FileOptions, segment_s: float) -> VideoFacts:
    """Read a file's header, and look for keyframes about every `segment_s` seconds.

    Raises:
        SourceError: it cannot be opened or has no video.
    """
    file = open_media_file(path)
    try:
        container = open_media(file, path, options.max_pixels)
        with container:
            stream = choose_video(container, path, options.max_pixels)
            return _facts(container, stream, options, segment_s)
    finally:
        file.close()


def _facts(
    container: InputContainer, stream: VideoStream, options: FileOptions, segment_s: float
) -> VideoFacts:
    codec = stream.codec_context
    hw = None
    if codec.height and codec.width:
        hw = shown_hw((codec.height, codec.width), stream.sample_aspect_ratio or SQUARE)
    rates = [r for r in (stream.average_rate, stream.guessed_rate) if r]
    seconds = _seconds(container, stream)
    facts = VideoFacts(hw, seconds, float(min(rates)) if rates else None)
    if seconds is None or seconds < 1.5 * segment_s:
        return facts
    cuts: tuple[int, ...] = ()
    why = _why_whole(container, stream, options)
    if not why:
        cuts = tuple(_cuts(container, stream, seconds, segment_s))
        why = "" if cuts else "no keyframe in it can be decoded by itself"
    return VideoFacts(hw, seconds, facts.rate, cuts, why)


def _seconds(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1_000_000 if container.duration else None


def _why_whole(container: InputContainer, stream: VideoStream, options: FileOptions) -> str:
    if options.every > 1 or options.fps is not None:
        return "frames are sampled by `every` or `fps`"
    if container.format.name not in INDEXED or is_heif(container):
        return f"a seek in {container.format.name} is not exact"
    name = stream.codec_context.codec.canonical_name
    if name not in _CLEAN_NALS and name not in _CLEAN_KEYFRAMES:
        return f"keyframes of {name} may need frames before them"
    return ""


def _cuts(
    container: InputContainer, stream: VideoStream, seconds: float, segment_s: float
) -> Iterator[int]:
    """Yield the keyframes to cut at, each at least half a segment from its neighbours."""
    import av

    time_base = stream.time_base or Fraction(1, 1000)
    first, least = stream.start_time or 0, segment_s / 2
    last, misses = first, 0
    for number in range(1, int(seconds / segment_s) + 1):
        if misses == _MOST_MISSES:
            return
        misses += 1
        target = first + round(number * segment_s / time_base)
        try:
            pts = _keyframe_before(container, stream, target)
        except (av.FFmpegError, SourceError):
            return
        is_apart = pts is not None and (pts - last) * time_base >= least
        if pts is not None and is_apart and (pts - first) * time_base <= seconds - least:
            yield pts
            last, misses = pts, 0


def _keyframe_before(container: InputContainer, stream: VideoStream, target: int) -> int | None:
    """Find the last keyframe up to a time, ticks; None where it is not a clean one."""
    container.seek(target, stream=stream, backward=True)
    for packet in container.demux((stream,)):
        if packet.size:
            is_clean = packet.is_keyframe and _is_clean(packet, stream)
            return packet.pts if is_clean else None
    return None


def _is_clean(packet: Packet[VideoStream], stream: VideoStream) -> bool:
    name = stream.codec_context.codec.canonical_name
    if name in _CLEAN_KEYFRAMES:
        return True
    types = set(_nal_types(bytes(packet), stream.codec_context.extradata or b"", name))
    return bool(types & _CLEAN_NALS[name])


def _nal_types(data: bytes, extradata: bytes, name: str) -> Iterator[int]:
    """List the types of a packet's NAL units, with start codes or lengths before them."""
    for head in _nal_heads(data, extradata, name):
        yield head & 0x1F if name == "h264" else head >> 1 & 0x3F


def _nal_heads(data: bytes, extradata: bytes, name: str) -> Iterator[int]:
    """Yield the first byte of each NAL unit: ISO/IEC 14496-15 (avcC, hvcC) or Annex B."""
    if not extradata or extradata.startswith((_START_CODE, b"\0" + _START_CODE)):
        for unit in data.split(_START_CODE)[1:]:
            yield from unit[:1]
        return
    at = 4 if name == "h264" else 21
    length_bytes = (extradata[at] & 3) + 1 if len(extradata) > at else 4
    place = 0
    while place + length_bytes < len(data):
        size = int.from_bytes(data[place : place + length_bytes])
        yield data[place + length_bytes]
        place += length_bytes + size
