"""Hands on the packets of a live source as they came, to be kept (see transport/packet_ring.py)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from streamdet.transport.packet_ring import CLOCK_HZ, CodedFormat, EncodedPacket

if TYPE_CHECKING:
    from av.bitstream import BitStreamFilterContext
    from av.packet import Packet
    from av.video.stream import VideoStream

OnPacket = Callable[[EncodedPacket], None]

_START: Final = b"\x00\x00\x00\x01"
_SETS: Final[dict[str, Callable[[int], bool]]] = {
    "h264": lambda first: first & 0x1F in (7, 8),
    "hevc": lambda first: first >> 1 & 0x3F in (32, 33, 34),
}
"""Whether a NAL unit's first byte is that of a parameter set (H.264, table 7-1; H.265, 7-1)."""


class PacketTap:
    """Copies the packets of one connection.

    Args:
        on_packet: takes the copies.
    """

    def __init__(self, on_packet: OnPacket) -> None:
        self._on_packet = on_packet
        self._format: CodedFormat | None = None
        self._filter: BitStreamFilterContext | None = None

    def take(
        self,
        packet: Packet[Any],
        stream: VideoStream,
        *,
        has_times: bool,
        arrived_ns: int,
        captured_ns: int,
    ) -> None:
        """Copy a packet after it was decoded: then the decoder knows the size of its image.

        Args:
            packet: of the stream.
            stream: has the decoder.
            has_times: whether the packets say when they are shown; if not, it is when they come.
            arrived_ns: when it came, monotonic clock.
            captured_ns: wall clock when its image was taken.
        """
        is_keyframe, pts = packet.is_keyframe, _ticks(packet)
        if not has_times:
            pts = arrived_ns * CLOCK_HZ // 10**9
        data = self._data(packet, stream)
        if is_keyframe:
            self._format = self._format_at(data, stream)
        if self._format is not None:
            self._on_packet(
                EncodedPacket(data, is_keyframe, pts, arrived_ns, captured_ns, self._format)
            )

    def _data(self, packet: Packet[Any], stream: VideoStream) -> bytes:
        """Copy what a packet holds; a keyframe begins with all that its decoder needs."""
        name, extradata = stream.codec_context.name, bytes(stream.codec_context.extradata or b"")
        if name in _SETS and extradata.startswith(b"\x01"):  # lengths in place of start codes
            return self._with_start_codes(packet, stream)
        data = bytes(packet)
        is_complete = data.startswith(extradata) or parameter_sets(name, data)
        if not packet.is_keyframe or is_complete or name not in (*_SETS, "mpeg4"):
            return data
        return extradata + data

    def _with_start_codes(self, packet: Packet[Any], stream: VideoStream) -> bytes:
        from av.bitstream import BitStreamFilterContext

        if self._filter is None:
            name = f"{stream.codec_context.name}_mp4toannexb"
            self._filter = BitStreamFilterContext(name, stream)
        return b"".join(bytes(made) for made in self._filter.filter(packet))

    def _format_at(self, keyframe: bytes, stream: VideoStream) -> CodedFormat:
        codec = stream.codec_context
        sets = parameter_sets(codec.name, keyframe)
        if not sets and self._format is not None:
            sets = self._format.parameter_sets
        return CodedFormat(codec.name, sets, (codec.height, codec.width))


def _ticks(packet: Packet[Any]) -> int | None:
    if packet.pts is None or not packet.time_base:
        return None
    return round(packet.pts * packet.time_base * CLOCK_HZ)


def parameter_sets(codec: str, data: bytes) -> bytes:
    """Find the parameter sets in H.264 or H.265 with start codes (Annex B); b"" where none are.

    In one form whatever came between them, so that equal ones are equal: each once, in order.
    """
    is_set = _SETS.get(codec)
    if is_set is None or not data.startswith((_START, _START[1:])):
        return b""
    units = (unit.rstrip(b"\x00") for unit in re.split(rb"\x00\x00\x01", data))
    found = dict.fromkeys(unit for unit in units if unit and is_set(unit[0]))
    return b"".join(_START + unit for unit in found)
