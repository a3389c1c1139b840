"""`file`: a video file, decoded on the CPU."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from streamdet.errors import SourceError
from streamdet.sources import DecodedFrame, Position, SourceInfo, ignore
from streamdet.sources.cut import WHOLE, Cut
from streamdet.sources.decoded_image import DecodedImage, FrameConverter
from streamdet.sources.media_file import media_place
from streamdet.sources.sampling import Sampler, SamplingOptions
from streamdet.sources.video_reader import DecoderOptions, VideoReader

_SEEK_FROM = 50
"""Going on behind fewer frames than this decodes them again; a seek may go back as far anyway."""

_UNKNOWN_RATE = Fraction(25)


class FileOptions(SamplingOptions):
    """Options of `FileSource`."""

    keyframes_only: bool = Field(
        False,
        description="Decode keyframes only, which is fast: the frames between them are never "
        "decoded, and `every` and `fps` choose among keyframes.",
    )
    parallel: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = Field(
        1,
        description="How many files of a folder or glob are read at once, each by one process;"
        " by default one after another. auto is one for each core.",
    )
    threads: int = Field(
        1,
        ge=1,
        le=16,
        description="Decoder threads. With more than 1, images next to damage vary between runs.",
    )
    max_pixels: int = Field(
        36_000_000,
        ge=1,
        le=2**28,
        description="Refuse larger images; the default takes 8K. A tiny file may hold huge ones.",
    )

    @property
    def cut(self) -> Cut:
        """The part of the file that is read: all of it."""
        return WHOLE

    def looks_at(self, index: int) -> bool:
        """Whether a frame, counted from 0, is more than counted: every one is."""
        return True


class SegmentOptions(FileOptions):
    """Options for a part of a file: an archive makes them, no graph file states them."""

    begin: int | None = Field(None, description="pts of its first frame, ticks; null: the first.")
    end: int | None = Field(None, description="pts of the first frame behind it; null: none.")

    detect_every: int = Field(1, description="Of so many frames only the first is looked at.")

    @property
    def cut(self) -> Cut:
        """The part of the file that is read."""
        return Cut(self.begin, self.end)

    def looks_at(self, index: int) -> bool:
        """Whether a frame, counted from 0 in this part, is more than counted."""
        return index % self.detect_every == 0


class FileSource:
    """Reads one video file; what is damaged in it is skipped, counted and reported."""

    Options = FileOptions
    pixel_format = "bgr24"

    def __init__(self, uri: str, options: FileOptions) -> None:
        """Take the path of a file, or its address in an object store; touches nothing."""
        self._path = media_place(uri)
        self._options = options
        self._problems: list[str] = []
        self.position = self._reached = Position()

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each thing wrong with the file, each naming it."""
        problems = list(self._problems)
        if count := self.position.damaged:
            packets = "1 damaged packet was" if count == 1 else f"{count} damaged packets were"
            problems.insert(0, f"{packets} skipped")
        return tuple(f"{self._path}: {problem}" for problem in problems)

    def probe(self, on_part: Callable[[SourceInfo], None] = ignore) -> SourceInfo:
        """Read the header and the first frame, which alone tells the size and whether to turn it.

        Raises:
            SourceError: the file cannot be opened, or has no video that can be decoded.
        """
        with closing(self._open()) as reader:
            first = next(iter(reader), None)
            if first is None:
                raise self._no_frames()
            hw = DecodedImage(first, FrameConverter(), reader.pixel_aspect).hw
            count = None if self._options.keyframes_only else reader.frame_count
            return SourceInfo(hw, Sampler(self._options, reader.rate).count(count))

    def frames(
        self, start: Position, on_skipped: Callable[[], None] = ignore
    ) -> Iterator[DecodedFrame]:
        """Decode from a position on; the frames are the same as in an uninterrupted run.

        Raises:
            SourceError: the file cannot be opened, or has no video that can be decoded.
        """
        self.position = self._reached = start
        self._problems = []
        with closing(self._open_behind(start)) as reader:
            self._problems = reader.problems
            while reader.decoded < start.decoded and next(iter(reader), None) is not None:
                on_skipped()
            yield from self._last_until_next(reader, self._sample(reader, start, on_skipped))
            self._note_skipped(reader)
            self.position = self._reached
            if reader.decoded == 0:
                raise self._no_frames()

    def _last_until_next(
        self, reader: VideoReader, frames: Iterator[DecodedFrame]
    ) -> Iterator[DecodedFrame]:
        """Give each frame its duration: until the next one, or until the video's end.

        A container's durations are those of packets, which may be stored in another order.
        """
        last: DecodedFrame | None = None
        for frame in frames:
            if last is not None:
                self.position = last.position
                yield _until(last, frame.pts)
            last = frame
        if last is not None:
            self.position = last.position
            yield _until(last, reader.end)

    def _sample(
        self, reader: VideoReader, start: Position, on_skipped: Callable[[], None]
    ) -> Iterator[DecodedFrame]:
        sampler, converter = Sampler(self._options, reader.rate), FrameConverter()
        last_slot = None
        if start.index:
            last_slot = sampler.slot(start.decoded - 1, _time_s(reader, start.pts))
        for frame in reader:
            number = reader.decoded - 1
            slot = sampler.slot(number, _time_s(reader, reader.pts))
            if not sampler.keeps(number, slot, last_slot):
                self._note_skipped(reader)
                on_skipped()
                continue
            last_slot = slot
            self._reached = _position(self._reached.index + 1, reader)
            nominal = frame.duration * reader.time_base or 1 / (reader.rate or _UNKNOWN_RATE)
            yield DecodedFrame(
                image=DecodedImage(frame, converter, reader.pixel_aspect),
                pts=reader.pts,
                time_base=reader.time_base,
                duration=max(1, math.floor(sampler.interval(nominal) / reader.time_base)),
                captured_ns=time.time_ns(),
                position=self._reached,
                is_unseen=not self._options.looks_at(self._reached.index - 1),
            )

    def _open(self) -> VideoReader:
        options = self._options
        decoder = DecoderOptions(
            options.threads, options.keyframes_only, options.max_pixels, options.cut
        )
        return VideoReader(self._path, decoder)

    def _open_behind(self, start: Position) -> VideoReader:
        """Open the file: after a position if a seek finds it exactly, else at its start."""
        reader = self._open()
        if start.is_seekable and start.pts is not None and start.decoded >= _SEEK_FROM:
            if reader.seek_behind(start.pts, start.decoded):
                return reader
            reader.close()
            reader = self._open()
        return reader

    def _note_skipped(self, reader: VideoReader) -> None:
        """Count skipped frames: `position.pts` is no longer that of the last decoded frame."""
        if (reader.decoded, reader.damaged) != (self._reached.decoded, self._reached.damaged):
            self._reached = replace(
                self._reached, decoded=reader.decoded, damaged=reader.damaged, is_seekable=False
            )

    def _no_frames(self) -> SourceError:
        what = "keyframes" if self._options.keyframes_only else "frames"
        return SourceError(f"{self._path}: no decodable {what}")


def _position(index: int, reader: VideoReader) -> Position:
    is_seekable = reader.is_ordered and reader.damaged == 0
    return Position(index, reader.decoded, reader.damaged, reader.pts, is_seekable)


def _until(frame: DecodedFrame, end: int | None) -> DecodedFrame:
    """Show a frame until `end`, ticks; one that is not known, or past, changes nothing."""
    if frame.pts is None or end is None or end <= frame.pts:
        return frame
    return replace(frame, duration=end - frame.pts)


def _time_s(reader: VideoReader, pts: int | None) -> Fraction | None:
    return None if pts is None else (pts - reader.start_pts) * reader.time_base
