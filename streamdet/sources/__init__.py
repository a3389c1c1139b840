"""Where frames come from. A kind of source is one file here and one line in registry.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from streamdet.frame import ClockName
from streamdet.image import Image

UNSEEN = "between two frames that are looked at"
"""Drop reason of a frame that an archive does not look at, see archive/between.py: no loss."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a source has been read: committed with the frames, so that a new process can resume.

    Attributes:
        index: frames emitted so far: the index of the next one.
        decoded: frames decoded so far, sampled away or not.
        damaged: packets or images that could not be decoded so far.
        pts: pts of the last emitted frame, ticks of the stream's own time base.
        is_seekable: pts so far were present and rising and nothing was damaged, so that a seek to
            `pts` finds the same frame; otherwise a source resumes by decoding from the start.
    """

    index: int = 0
    decoded: int = 0
    damaged: int = 0
    pts: int | None = None
    is_seekable: bool = True


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One frame that was not sampled away.

    Attributes:
        image: its image, upright; valid until the next frame is requested.
        pts: ticks of `time_base`, rising in a video; None where the file has none.
        time_base: seconds per tick.
        duration: ticks until the next sampled frame, or the source's end; at least 1. Nominal where
            times are not known.
        captured_ns: wall clock, nanoseconds since the epoch.
        position: the position after this frame.
        is_still: whether it is an image by itself; see `frame.Frame`.
        clock: whose wall clock `captured_ns` is.
        is_unseen: whether it is only counted: nothing looks at its image.
    """

    image: Image
    pts: int | None
    time_base: Fraction
    duration: int
    captured_ns: int
    position: Position
    is_still: bool = False
    clock: ClockName = "host"
    is_unseen: bool = False


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source before it is read.

    Attributes:
        hw: height and width of its first frame, upright; of images, the largest.
        frame_count: how many frames it will emit after sampling; None where unknown.
    """

    hw: tuple[int, int]
    frame_count: int | None


def ignore(*found: SourceInfo) -> None:
    """The default callback: does nothing."""


class Source(Protocol):
    """One stream of frames: one file, one folder of images, one scene.

    Constructed as `Source(uri, options)`; construction touches nothing.
    """

    @property
    def pixel_format(self) -> str:
        """Its images' pixel format, a name of registry.KINDS["pixel_format"]; also of the class."""
        ...

    @property
    def position(self) -> Position:
        """The position after all decoded frames, also those after the last emitted one."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each thing wrong with the source that did not end it.

        Of what was wrong before `start`, only what the position counts is reported.
        """
        ...

    def probe(self, on_part: Callable[[SourceInfo], None] = ignore) -> SourceInfo:
        """Read the header, and at most the first frame.

        Args:
            on_part: called now and then by a kind with many headers, with what is known so far.

        Raises:
            SourceError: it cannot be opened or has no video, in one sentence.
        """
        ...

    def frames(
        self, start: Position, on_skipped: Callable[[], None] = ignore
    ) -> Iterator[DecodedFrame]:
        """Decode from a position on; the frames are the same as in an uninterrupted run.

        Args:
            start: where to resume.
            on_skipped: called for every frame that is decoded but not emitted, so that the caller
                can send a heartbeat; an exception that it raises ends the iteration.

        Raises:
            SourceError: nothing (more) can be read, in one sentence that names the source.
        """
        ...
