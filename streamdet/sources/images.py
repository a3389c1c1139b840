"""`images`: a folder or glob of images, or one image, as a stream in natural order."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from streamdet.errors import SourceError
from streamdet.sources import DecodedFrame, Position, SourceInfo, ignore
from streamdet.sources.decoded_image import DecodedImage, FrameConverter
from streamdet.sources.resolve import list_images
from streamdet.sources.sampling import MIN_RATE, Sampler, SamplingOptions, exact_rate
from streamdet.sources.video_reader import DecoderOptions, VideoReader

MAX_PIXELS = 36_000_000

_MAX_WARNINGS = 20

_TELL_EVERY = 100
"""Images between two calls of a probe's `on_part`."""


def read_image_file(path: Path, max_pixels: int) -> DecodedImage:
    """Decode one image.

    Raises:
        SourceError: it cannot be read, or has more than `max_pixels`.
    """
    with closing(_open(path, max_pixels)) as reader:
        frame = next(iter(reader), None)
    if frame is None:
        raise SourceError(f"{path}: no decodable frames")
    return DecodedImage(frame, FrameConverter())


def _open(path: Path, max_pixels: int) -> VideoReader:
    return VideoReader(path, DecoderOptions(1, False, max_pixels))


class ImagesOptions(SamplingOptions):
    """Options of `ImagesSource`."""

    rate: float = Field(25.0, ge=MIN_RATE, le=1000, description="Images per second of source time.")
    sequence: bool = Field(
        False,
        description="The images are the frames of one video, in order: a tracker follows what is"
        " in them. By default each image stands by itself, and nothing in it is tracked.",
    )
    max_pixels: int = Field(
        MAX_PIXELS, ge=1, le=2**28, description="Skip larger images, as damaged ones are skipped."
    )


class ImagesSource:
    """Plays images; pts is the index of an image. Bad ones are skipped and counted."""

    Options = ImagesOptions
    pixel_format = "bgr24"

    def __init__(self, uri: str, options: ImagesOptions) -> None:
        """Take the path of an image, a folder or a glob; touches nothing."""
        self._uri = uri
        self._options = options
        self._problems: list[str] = []
        self.position = Position()

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each of the first bad images, and the number of others.

        Bad images that an earlier process found are among the others.
        """
        told = self._problems[:_MAX_WARNINGS]
        others = self.position.damaged - len(told)
        tail = [f"{self._uri}: images that cannot be read, besides those named: {others}"]
        return tuple(told + tail if others else told)

    def probe(self, on_part: Callable[[SourceInfo], None] = ignore) -> SourceInfo:
        """Read the headers of all images, for the size of the largest (not turned upright).

        Raises:
            SourceError: there are no images, or none that can be read.
        """
        paths = self._list()
        largest_hw, good, problems = (0, 0), 0, list[str]()
        for number, path in enumerate(paths, 1):
            if hw := self._header_hw(path, problems):
                largest_hw, good = max(largest_hw, hw, key=math.prod), good + 1
            if good and number % _TELL_EVERY == 0:
                on_part(SourceInfo(largest_hw, None))
        if not good:
            raise self._none_left(paths, problems)
        return SourceInfo(largest_hw, self._sampler().count(good))

    def frames(
        self, start: Position, on_skipped: Callable[[], None] = ignore
    ) -> Iterator[DecodedFrame]:
        """Decode from a position on.

        Raises:
            SourceError: there are no images, or none that can be read.
        """
        self.position = start
        self._problems = []
        sampler, time_base = self._sampler(), 1 / exact_rate(self._options.rate)
        duration = max(1, round(sampler.interval(time_base) / time_base))
        last_slot = None if start.pts is None else sampler.slot(start.pts, start.pts * time_base)
        paths = self._list()
        for place in range(start.decoded + start.damaged, len(paths)):
            slot = sampler.slot(place, place * time_base)
            keeps = sampler.keeps(place, slot, last_slot)
            image = self._read(paths[place])
            self._count(is_good=image is not None)
            if image is None or not keeps:
                on_skipped()
                continue
            last_slot = slot
            self.position = replace(self.position, index=self.position.index + 1, pts=place)
            yield DecodedFrame(
                image=image,
                pts=place,
                time_base=time_base,
                duration=duration,
                captured_ns=time.time_ns(),
                position=self.position,
                is_still=not self._options.sequence,
            )
        if self.position.decoded == 0:
            raise self._none_left(paths, self._problems)

    def _sampler(self) -> Sampler:
        return Sampler(self._options, exact_rate(self._options.rate))

    def _list(self) -> list[Path]:
        try:
            paths = list_images(self._uri)
        except OSError as exc:
            raise SourceError(f"{self._uri}: cannot be listed ({exc.strerror})") from exc
        if not paths:
            raise SourceError(f"{self._uri}: holds no images any more")
        return paths

    def _header_hw(self, path: Path, problems: list[str]) -> tuple[int, int] | None:
        try:
            with closing(_open(path, self._options.max_pixels)) as reader:
                return reader.hw
        except SourceError as exc:
            problems.append(str(exc))
            return None

    def _read(self, path: Path) -> DecodedImage | None:
        try:
            return read_image_file(path, self._options.max_pixels)
        except SourceError as exc:
            self._problems.append(str(exc))
            return None

    def _count(self, *, is_good: bool) -> None:
        position = self.position
        if is_good:
            self.position = replace(position, decoded=position.decoded + 1)
        else:
            self.position = replace(position, damaged=position.damaged + 1)

    def _none_left(self, paths: list[Path], problems: list[str]) -> SourceError:
        if len(paths) > 1:
            return SourceError(f"{self._uri}: none of its {len(paths)} images can be decoded")
        return SourceError(next(iter(problems), f"{self._uri}: no decodable frames"))
