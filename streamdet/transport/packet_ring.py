"""The encoded packets of a camera's last seconds, so that a clip can begin before its event.

The camera's worker appends its packets to small files in the run's folder, a new one at the first
keyframe after a second, and removes the oldest; a sink in another process reads them. Why files:
- Whichever process is killed, they stay: the packets before and after the kill make one clip, and
  no question goes from process to process. A record that a killed writer left half is not read.
- A sink keeps what a clip needs by a second name of the same file (`hold`): nothing is copied, and
  a clip may be longer than the ring.
- A packet costs one write of what the camera sent (20 us of one core of a busy 2-core x86 machine
  for 20 kB); nothing is encoded again, so that any codec will do. Files that are removed before the
  kernel writes them out (after some 30 s) cost no disk.
- They are below the run's folder: only this user reads them, and they go with it, a dead run's too.
Without a sink that wants packets there is no ring.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgpack

CLOCK_HZ: Final = 90_000
"""Ticks per second of `EncodedPacket.pts`: those of RTP, so that its times stay exact."""
RING_BYTES: Final = 64 * 2**20
"""The most that is kept of a source, unless a sink says otherwise: 30 s of 16 Mbit/s."""
RETRY_NS: Final = 5_000_000_000
"""Pause after the system refused to write."""
_SUFFIX: Final = ".packets"
_SEGMENT_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class CodedFormat:
    """What a decoder must know before the first packet.

    Attributes:
        codec: FFmpeg's name of the decoder, such as "h264".
        parameter_sets: of H.264 and H.265, in one form; its keyframes begin with them.
        hw: height and width, pixels.
    """

    codec: str
    parameter_sets: bytes
    hw: tuple[int, int]


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """One packet of a camera: one image.

    Attributes:
        data: as the camera sent it; H.264 and H.265 with start codes.
        is_keyframe: whether decoding can begin here.
        pts: when it is shown, ticks of CLOCK_HZ on the camera's clock, which may jump; None where
            the camera does not say (FFmpeg's RTSP: the first packet of a connection).
        arrived_ns: when it came, monotonic clock.
        captured_ns: wall clock when its image was taken, nanoseconds since the epoch.
        format: what decodes it.
        connection: packets of one connection to the camera have the same number.
    """

    data: bytes
    is_keyframe: bool
    pts: int | None
    arrived_ns: int
    captured_ns: int
    format: CodedFormat
    connection: int = 0


@dataclass(frozen=True, slots=True)
class RingPlan:
    """The rings of a run.

    Attributes:
        folder: holds a folder for each source.
        seconds: how far each reaches back.
        most_bytes: of each.
    """

    folder: Path
    seconds: float
    most_bytes: int


def ring_folder(run: Path) -> Path:
    """The folder, in that of a run, with a ring for each source."""
    return run / "packets"


def held_folder(run: Path) -> Path:
    """The folder, in that of a run, for what sinks keep of the rings."""
    return run / "held-packets"


class RingWriter:
    """Writes the ring of one source; goes on with what an earlier process left.

    Args:
        plan: the rings of the run.
        source_id: the source.
        on_problem: called with a sentence once the system refuses to write, and with "" when it
            takes packets again.
    """

    def __init__(self, plan: RingPlan, source_id: str, on_problem: Callable[[str], None]) -> None:
        self._plan = plan
        self._folder = plan.folder / source_id
        self._on_problem = on_problem
        self._problem = ""
        self._retry_ns = 0
        self._fd = -1
        self._format: CodedFormat | None = None
        self._begun_ns = self._connection = 0

    def add(self, packet: EncodedPacket) -> None:
        """Append a packet; those before the first keyframe are left out."""
        if packet.arrived_ns < self._retry_ns:
            return
        try:
            if packet.is_keyframe and self._is_time_to_begin(packet):
                self._begin(packet)
            if self._fd >= 0:
                _append(self._fd, _packed(packet))
                self._recover()
        except OSError as exc:
            self._stop(packet, f"{self._plan.folder} takes no more video: {exc.strerror}")

    def end_connection(self) -> None:
        """End the file: the next packet is of another connection, or there is none."""
        self._close()
        self._connection = 0

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _is_time_to_begin(self, packet: EncodedPacket) -> bool:
        is_long = packet.arrived_ns - self._begun_ns >= _SEGMENT_NS
        return self._fd < 0 or is_long or packet.format != self._format

    def _begin(self, packet: EncodedPacket) -> None:
        self._close()
        self._connection = self._connection or packet.arrived_ns
        self._remove_old(packet.arrived_ns)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{packet.arrived_ns:020}{_SUFFIX}"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._format, self._begun_ns = packet.format, packet.arrived_ns
        kept = packet.format
        header = (kept.codec, kept.parameter_sets, kept.hw, self._connection)
        _append(self._fd, msgpack.packb(header))

    def _remove_old(self, now_ns: int) -> None:
        """Remove files that are older or larger than what is kept, never the newest one."""
        files = segments(self._folder)
        left = sum(segment.path.stat().st_size for segment in files)
        for segment, follower in pairwise(files):
            is_old = follower.begins_ns <= now_ns - self._plan.seconds * 1e9
            if not is_old and left <= self._plan.most_bytes:
                return
            left -= segment.path.stat().st_size
            segment.path.unlink()

    def _recover(self) -> None:
        if self._problem:
            self._problem = ""
            self._on_problem("")

    def _stop(self, packet: EncodedPacket, problem: str) -> None:
        self.end_connection()
        self._retry_ns = packet.arrived_ns + RETRY_NS
        if not self._problem:
            self._on_problem(problem)
        self._problem = problem


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of packets: begins with a keyframe, and ends where the next one begins."""

    begins_ns: int
    path: Path


def segments(folder: Path) -> list[Segment]:
    """List the files of packets in a folder, oldest first; none where there is no folder."""
    paths = sorted(folder.glob(f"*{_SUFFIX}"))
    return [Segment(int(path.stem), path) for path in paths]


def hold(ring: Path, since_ns: int, held: Path) -> None:
    """Keep the files of a ring, from that which holds a moment on, under second names.

    Args:
        ring: the folder of a source.
        since_ns: the moment, monotonic clock.
        held: the folder of the second names; made where missing.

    Raises:
        OSError: the system refuses.
    """
    held.mkdir(parents=True, exist_ok=True)
    files = segments(ring)
    first = max((i for i, each in enumerate(files) if each.begins_ns <= since_ns), default=0)
    for segment in files[first:]:
        with suppress(FileExistsError, FileNotFoundError):  # held already; removed just now
            os.link(segment.path, held / segment.path.name)


def read_packets(folder: Path) -> Iterator[EncodedPacket]:
    """Read the packets of a folder in order; a last one that is not whole is left out."""
    for segment in segments(folder):
        unpacker = msgpack.Unpacker(max_buffer_size=0)
        unpacker.feed(segment.path.read_bytes())
        with suppress(msgpack.OutOfData, StopIteration):
            codec, sets, (height, width), connection = unpacker.unpack()
            coded = CodedFormat(codec, sets, (height, width))
            while True:
                data, is_keyframe, pts, arrived_ns, captured_ns = unpacker.unpack()
                times_ns = arrived_ns, captured_ns
                yield EncodedPacket(data, is_keyframe, pts, *times_ns, coded, connection)


def _packed(packet: EncodedPacket) -> bytes:
    packed: bytes = msgpack.packb(
        (packet.data, packet.is_keyframe, packet.pts, packet.arrived_ns, packet.captured_ns)
    )
    return packed


def _append(fd: int, data: bytes) -> None:
    """Write all of the bytes, or none where the system refuses some."""
    view, length = memoryview(data), os.fstat(fd).st_size
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError:
        os.ftruncate(fd, length)
        raise
