"""Writes packets of a camera as an .mp4 without encoding them again.

A clip begins with the last keyframe at or before the moment asked for. Its times are the camera's;
where the connection or the camera's clock broke off, they go on by when the packets came. A part
whose codec, size or parameter sets are others becomes a file of its own: an .mp4 has one of each.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, islice, pairwise, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamdet.errors import EngineError
from streamdet.formats.own_video import COMMENT, END_MARK
from streamdet.transport.packet_ring import CLOCK_HZ, CodedFormat, EncodedPacket, read_packets

if TYPE_CHECKING:
    from av.container import OutputContainer

JUMP: Final = CLOCK_HZ
"""Ticks: B-frames go back by less than a second; a clock that goes back further was set."""


@dataclass(frozen=True, slots=True)
class Part:
    """Packets of one format.

    Attributes:
        first: number of its first packet in the folder.
        packets: without their data, in decoding order; the first is a keyframe.
    """

    first: int
    packets: tuple[EncodedPacket, ...]

    @property
    def format(self) -> CodedFormat:
        """What decodes it."""
        return self.packets[0].format

    @property
    def starts_ns(self) -> int:
        """Wall clock when its first image was taken."""
        return self.packets[0].captured_ns

    @property
    def ends_ns(self) -> int:
        """Wall clock when its last image was taken."""
        return self.packets[-1].captured_ns


def find_parts(folder: Path, since_ns: int, until_ns: int) -> list[Part]:
    """Find the parts of a clip among the packets of a folder; none where there are none.

    Args:
        folder: see packet_ring.
        since_ns: where it begins, monotonic clock.
        until_ns: where it ends.
    """
    bare = (replace(packet, data=b"") for packet in read_packets(folder))
    packets = with_times([packet for packet in bare if packet.arrived_ns <= until_ns])
    keyframes = [i for i, packet in enumerate(packets) if packet.is_keyframe]
    begins = [i for i in keyframes if packets[i].arrived_ns <= since_ns]
    first = max(begins, default=min(keyframes, default=len(packets)))
    parts = []
    for _, group in groupby(packets[first:], key=lambda packet: packet.format):
        parts.append(Part(first, tuple(group)))
        first += len(parts[-1].packets)
    return parts


def write_part(folder: Path, part: Part, path: Path) -> None:
    """Write a part of a clip; it is whole and on the disk when this returns.

    Args:
        folder: of the packets.
        part: found there.
        path: the file.

    Raises:
        EngineError: an .mp4 takes no video of this codec, or it does not play.
        OSError: the system refuses.
    """
    import av

    held = islice(read_packets(folder), part.first, None)
    try:
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output:
            output.metadata["comment"] = COMMENT
            stream = _add_stream(output, part.format)
            for place, packet in zip(placed(part.packets), held, strict=False):
                if place is not None:
                    output.mux_one(_muxed(packet, place, stream))
    except OSError:  # FFmpeg's of the system are OSErrors, too
        raise
    except (av.FFmpegError, ValueError) as exc:
        raise EngineError(f"an .mp4 of this {part.format.codec} cannot be written") from exc
    _check_plays(path, part.format)
    with path.open("ab") as file:
        file.write(END_MARK)
        file.flush()
        os.fsync(file.fileno())


@dataclass(frozen=True, slots=True)
class Place:
    """When a packet is shown, decoded, and for how long: ticks of CLOCK_HZ from the first one."""

    pts: int
    dts: int
    duration: int


def placed(packets: Sequence[EncodedPacket]) -> list[Place | None]:
    """Place packets on one time line, in decoding order; None: it cannot be shown.

    That is an image before the first keyframe that was stored after it: what it is predicted from
    is not there. Cameras rarely say when to decode, so that is made from when to show: the earliest
    time at which every image is decoded before it is shown.
    """
    times = presentation_times(packets)
    shown = sorted(time for time in times if time >= 0)
    decoded = [time for time in times if time >= 0]
    delay = max(early - time for early, time in zip(shown, decoded, strict=True))
    starts: list[int] = []
    for time in shown:
        starts.append(max(time - delay, starts[-1] + 1 if starts else time - delay))
    steps = [after - before for before, after in pairwise(starts)]
    durations = iter([*steps, steps[-1] if steps else CLOCK_HZ // 25])
    rows = zip(starts, durations, strict=True)
    return [_place(time, *next(rows)) if time >= 0 else None for time in times]


def with_times(packets: Sequence[EncodedPacket]) -> list[EncodedPacket]:
    """Give packets without a time one: just before those that follow it, up to the next keyframe.

    The first packet of an RTSP connection has none. Without packets behind it, its time is when it
    came: what comes later has nothing to do with that.
    """
    return [
        packet if packet.pts is not None else replace(packet, pts=_time_before(packets[i:]))
        for i, packet in enumerate(packets)
    ]


def _time_before(packets: Sequence[EncodedPacket]) -> int:
    group = takewhile(lambda each: not each.is_keyframe, packets[1:])
    known = sorted({packet.pts for packet in group if packet.pts is not None})
    steps = [after - before for before, after in pairwise(known)]
    if not known:
        return _ticks(packets[0].arrived_ns)
    return known[0] - min(steps, default=CLOCK_HZ // 25)


def presentation_times(packets: Sequence[EncodedPacket]) -> list[int]:
    """When packets are shown, ticks of CLOCK_HZ from the first one; all have times of their own."""
    times: list[int] = []
    shift = -_pts(packets[0])
    least = _offset(packets[0])
    for before, packet in zip([packets[0], *packets], packets, strict=False):
        if _breaks_off(before, packet, least):
            pause = max(1, _ticks(packet.arrived_ns - before.arrived_ns))
            shift, least = max(times) + pause - _pts(packet), _offset(packet)
        least = min(least, _offset(packet))
        times.append(_pts(packet) + shift)
    return times


def _breaks_off(before: EncodedPacket, packet: EncodedPacket, least: int) -> bool:
    """Whether a packet's time has nothing to do with that of the one before it."""
    if packet.connection != before.connection or _pts(packet) < _pts(before) - JUMP:
        return True
    return _offset(packet) < least - JUMP  # it would be shown before it can have been taken


def _offset(packet: EncodedPacket) -> int:
    return _ticks(packet.arrived_ns) - _pts(packet)


def _pts(packet: EncodedPacket) -> int:
    assert packet.pts is not None, "see with_times"
    return packet.pts


def _ticks(nanoseconds: int) -> int:
    return nanoseconds * CLOCK_HZ // 1_000_000_000


def _place(time: int, start: int, duration: int) -> Place:
    return Place(max(time, start), start, duration)


def _add_stream(output: OutputContainer, coded: CodedFormat) -> Any:
    height, width = coded.hw
    try:
        return output.add_mux_stream(
            coded.codec, width=width, height=height, time_base=Fraction(1, CLOCK_HZ)
        )
    except ValueError as exc:
        raise EngineError(f"an .mp4 takes no {coded.codec}") from exc


def _check_plays(path: Path, coded: CodedFormat) -> None:
    """Decode the first image: FFmpeg writes some codecs so that nothing can read them."""
    import av

    try:
        with av.open(str(path)) as written:
            if next(written.decode(video=0), None) is not None:
                return
    except (av.FFmpegError, IndexError, StopIteration):
        pass
    raise EngineError(f"an .mp4 of this {coded.codec} does not play")


def _muxed(packet: EncodedPacket, place: Place, stream: Any) -> Any:
    import av

    made = av.Packet(packet.data)
    made.stream = stream
    made.time_base = Fraction(1, CLOCK_HZ)
    made.pts, made.dts, made.duration = place.pts, place.dts, place.duration
    made.is_keyframe = packet.is_keyframe
    return made
