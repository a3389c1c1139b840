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
from streamdet.sinks.append_file import AppendFile
from streamdet.sinks.canvas import Canvas
from streamdet.sinks.drawing import Trails
from streamdet.sinks.fragmented_mp4 import H264Encoder, VideoFormat, fragment

ClassNames = Mapping[str, Sequence[str]]

FALLBACK_HW = (360, 640)
"""Where not even the first frame knows how large it is."""


@dataclass(slots=True)
class Clock:
    """When frames are shown.

    Attributes:
        time_base: seconds per tick, the first frame's.
        origin: the first frame's pts, ticks.
        last: when the last frame starts, ticks from the origin.
    """

    time_base: Fraction
    origin: int
    last: int

    def show(self, frame: Frame) -> tuple[int, int]:
        """Return a frame's start and duration, ticks from the origin; starts always rise."""
        duration = max(1, self._ticks(frame.duration, frame.time_base))
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
        canvas: its picture.
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
    def starting_with(cls, frame: Frame, image: Image | None, crf: int) -> Self:
        """Take size, time base and rate from the first frame; count starts at 0."""
        hw = image.hw if image is not None else frame.hw
        canvas = Canvas(hw if min(hw) > 0 else FALLBACK_HW, Trails())
        duration = max(1, frame.duration)
        clock = Clock(frame.time_base, frame.pts or 0, -duration)
        return cls(VideoFormat(canvas.hw, frame.time_base, duration, crf), clock, canvas, 0)

    @classmethod
    def from_state(cls, state: bytes, crf: int) -> Self:
        """Go on; the inverse of `state`, but for the picture, which is black again."""
        count, hw, numerator, denominator, duration, origin, last, trails = msgpack.unpackb(
            state, use_list=False
        )
        time_base = Fraction(numerator, denominator)
        canvas = Canvas(hw, Trails(trails))
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
        sample, is_keyframe = self._encoder.encode(self.canvas.paint(message, image, class_names))
        start, duration = self._clock.show(message.frame)
        self._count += 1
        tick = self._clock.time_base.numerator
        return fragment(self._count, start * tick, duration * tick, sample, is_keyframe)

    def close(self) -> None:
        """Free the encoder."""
        self._encoder.close()


class Recording:
    """The file of one source, and the clip in it once the first frame has come."""

    def __init__(self, path: Path, crf: int, state: bytes | None) -> None:
        """Open the file and cut it to `state`; None starts it afresh.

        Raises:
            ConfigError: the file cannot be written.
            EngineError: H.264 cannot be encoded here, or not as the file's header says.
        """
        self._crf = crf
        self._committed: int = 0
        self._clip: Clip | None = None
        if state is not None:
            self._committed, clip = msgpack.unpackb(state)
            self._clip = Clip.from_state(clip, crf)
        self._file = AppendFile(path, self._committed)
        if self._clip and self._file.head(len(self._clip.header)) != self._clip.header:
            raise EngineError(
                f"cannot go on with {path}: its header is not what this encoder writes"
            )

    def add(self, frames: Iterable[tuple[FrameMessage, Image | None]], names: ClassNames) -> None:
        """Draw, encode and write frames.

        Args:
            frames: in order, with their pictures.
            names: model name -> its class names.

        Raises:
            EngineError: H.264 cannot be encoded here, or the system refuses to write.
        """
        data = bytearray()
        for message, image in frames:
            if self._clip is None:
                self._clip = Clip.starting_with(message.frame, image, self._crf)
                data += self._clip.header
            data += self._clip.encode(message, image, names.get(message.model or "", ()))
        self._file.append(bytes(data))

    def state(self) -> bytes | None:
        """What to commit; None where nothing was written since `committed`."""
        if self._clip is None or self._file.length == self._committed:
            return None
        packed: bytes = msgpack.packb((self._file.length, self._clip.state()))
        return packed

    def committed(self) -> None:
        """Keep what has been written."""
        self._committed = self._file.length

    def close(self) -> None:
        """Cut the file behind its last committed frame and close it."""
        if self._clip is not None:
            self._clip.close()
        self._file.cut(self._committed)
        self._file.close()


def cut(path: Path, state: bytes | None) -> None:
    """Cut a recording's file behind its last committed frame; None: start it afresh.

    Raises:
        ConfigError: the file cannot be written.
    """
    length = 0 if state is None else msgpack.unpackb(state)[0]
    AppendFile(path, length).close()
