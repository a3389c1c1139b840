"""One source's annotated MP4: what is drawn, when each frame is shown, how far the file has come.

Times start at 0 with the first frame and are the source's from there on; a frame whose time is
missing, repeats or runs backwards is shown when the one before it ends. The first frame sets the
size; other sizes are fitted into it, with black bars. After a crash the header stays and a new
encoder goes on with a keyframe: equal formats give equal headers, and that is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self

import msgpack

from streamdet.errors import EngineError
from streamdet.frame import Frame
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.runtimes.gpu import Gpu
from streamdet.sinks.append_file import AppendFile
from streamdet.sinks.canvas import Canvas
from streamdet.sinks.drawing import Trails
from streamdet.sinks.fragmented_mp4 import MAX_DURATION, H264Encoder, VideoFormat, fragment

ClassNames = Mapping[str, Sequence[str]]

FALLBACK_HW = (360, 640)
"""Where not even the first frame knows how large it is."""

FINEST_TIME_BASE = Fraction(1, 1_000_000)
"""Seconds. In finer ticks the header's and the fragments' 32 bits would be full after seconds."""


@dataclass(slots=True)
class Clock:
    """When frames are shown.

    Attributes:
        time_base: seconds per tick, the first frame's, but no finer than FINEST_TIME_BASE.
        origin: the first frame's pts, ticks.
        last: when the last frame starts, ticks from the origin.
    """

    time_base: Fraction
    origin: int
    last: int

    @classmethod
    def starting_with(cls, frame: Frame) -> Self:
        """Begin so that this frame, were its time unknown, would be shown at 0."""
        is_coarse = frame.time_base.denominator <= FINEST_TIME_BASE.denominator
        clock = cls(frame.time_base if is_coarse else FINEST_TIME_BASE, 0, 0)
        clock.origin = clock._ticks(frame.pts or 0, frame.time_base)
        clock.last = -max(1, clock._ticks(frame.duration, frame.time_base))
        return clock

    def show(self, frame: Frame) -> tuple[int, int]:
        """Return a frame's start and duration, ticks from the origin; starts always rise."""
        longest = MAX_DURATION // self.time_base.numerator
        duration = min(max(1, self._ticks(frame.duration, frame.time_base)), longest)
        start = self.last + duration
        if frame.pts is not None:
            pts = self._ticks(frame.pts, frame.time_base) - self.origin
            start = pts if pts > self.last else start
        self.last = start
        return start, duration

    def _ticks(self, ticks: int, time_base: Fraction) -> int:
        return round(ticks * time_base / self.time_base)


class Clip:
    """What a recording is since its first frame.

    Attributes:
        header: ftyp + moov.
        canvas: its image.
    """

    def __init__(self, video_format: VideoFormat, clock: Clock, canvas: Canvas, count: int) -> None:
        """Open the encoder; `count` frames are there already.

        Raises:
            EngineError: H.264 cannot be encoded here.
        """
        self._format = video_format
        self._clock = clock
        self._count = count
        self._encoder = H264Encoder(video_format)
        self.header = self._encoder.header
        self.canvas = canvas

    @classmethod
    def starting_with(
        cls, frame: Frame, image: Image | None, crf: int, gpu: Gpu | None = None
    ) -> Self:
        """Take size, time base and rate from the first frame; count starts at 0."""
        hw = image.hw if image is not None else frame.hw
        canvas = Canvas(hw if min(hw) > 0 else FALLBACK_HW, Trails(), gpu)
        clock = Clock.starting_with(frame)
        duration = -clock.last
        return cls(VideoFormat(canvas.hw, clock.time_base, duration, crf), clock, canvas, 0)

    @classmethod
    def from_state(cls, state: bytes, crf: int, gpu: Gpu | None = None) -> Self:
        """Go on; the inverse of `state`, but for the image, which is black again."""
        count, hw, numerator, denominator, duration, origin, last, trails = msgpack.unpackb(
            state, use_list=False
        )
        time_base = Fraction(numerator, denominator)
        canvas = Canvas(hw, Trails(trails), gpu)
        video_format = VideoFormat(canvas.hw, time_base, duration, crf)
        return cls(video_format, Clock(time_base, origin, last), canvas, count)

    def state(self) -> bytes:
        """All that later frames depend on; the inverse of `from_state`."""
        clock = self._clock
        packed: bytes = msgpack.packb(
            (
                self._count,
                self.canvas.source_hw,
                *clock.time_base.as_integer_ratio(),
                self._format.duration,
                clock.origin,
                clock.last,
                self.canvas.trails.state(),
            )
        )
        return packed

    def encode(
        self, message: FrameMessage, image: Image | None, class_names: Sequence[str]
    ) -> bytes:
        """Return the frame as a fragment."""
        self.canvas.paint(self._encoder.image, message, image, class_names)
        sample, is_keyframe = self._encoder.encode()
        start, duration = self._clock.show(message.frame)
        self._count += 1
        tick = self._clock.time_base.numerator
        return fragment(self._count, start * tick, duration * tick, sample, is_keyframe)

    def close(self) -> None:
        """Free the encoder."""
        self._encoder.close()


class Recording:
    """The file of one source, and the clip in it once the first frame has come."""

    def __init__(self, path: Path, crf: int, state: bytes | None, gpu: Gpu | None = None) -> None:
        """Open the file and cut it to `state`; None starts it afresh with the first `committed`.

        Args:
            path: of the file.
            crf: quality, see VideoOptions.
            state: see `state`.
            gpu: where images lie and are drawn on; None: on the CPU.

        Raises:
            ConfigError: the file cannot be written.
        """
        self._crf, self._gpu = crf, gpu
        self._clip: Clip | None = None
        self._clip_state: bytes | None = None
        length, redo = None, b""
        if state is not None:
            length, redo, self._clip_state = msgpack.unpackb(state)
        self._file = AppendFile(path, length, redo)
        self._committed = self._file.length
        self._first = b""  # the first batch waits here: until it is committed, an old file stays

    def add(self, frames: Iterable[tuple[FrameMessage, Image | None]], names: ClassNames) -> None:
        """Draw, encode and write frames; those before the first `committed` are written there.

        Args:
            frames: in order, with their images.
            names: model name -> its class names.

        Raises:
            EngineError: H.264 cannot be encoded here, or not as the file's header says, or the
                system refuses to write.
        """
        data = bytearray()
        for message, image in frames:
            if self._clip is None:
                self._clip, header = self._open_clip(message, image)
                data += header
            data += self._clip.encode(message, image, names.get(message.model or "", ()))
        if self._committed:
            self._file.append(bytes(data))
        else:
            self._first += data

    def _open_clip(self, message: FrameMessage, image: Image | None) -> tuple[Clip, bytes]:
        """Start a clip, or go on with the committed one; returns the bytes to write before it."""
        if self._clip_state is None:
            clip = Clip.starting_with(message.frame, image, self._crf, self._gpu)
            return clip, clip.header
        clip = Clip.from_state(self._clip_state, self._crf, self._gpu)
        if self._file.head(len(clip.header)) != clip.header:
            raise EngineError(
                f"cannot go on with {self._file.path}: its header is not what this encoder writes"
            )
        return clip, b""

    def state(self) -> bytes | None:
        """What to commit; None where nothing was written since `committed`."""
        is_written = self._file.length > self._committed or self._first
        if self._clip is None or not is_written:
            return None
        packed: bytes = msgpack.packb((self._file.length, self._first, self._clip.state()))
        return packed

    def committed(self) -> None:
        """Keep what has been written, and write the first batch.

        Raises:
            EngineError: the system refuses.
        """
        if self._first:
            self._file.append(self._first)
            self._first = b""
        self._committed = self._file.length

    def close(self) -> None:
        """Cut the file behind its last committed frame and close it; remove it as `discard` does.

        Raises:
            EngineError: the system refuses.
        """
        if self._clip is not None:
            self._clip.close()
        if self._committed:
            self._file.cut(self._committed)
        self._file.discard()
