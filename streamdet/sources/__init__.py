"""Where frames come from. A kind of source is one file here and one line in registry.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from streamdet.image import Image


@dataclass(frozen=True, slots=True)
class Position:
    """How far a source has been read: committed with the frames, so that a new process goes on.

    Attributes:
        index: frames emitted so far: the index of the next one.
        decoded: frames decoded so far, sampled away or not.
        damaged: packets or images that could not be decoded so far.
        pts: pts of the last emitted frame, ticks of the stream's own time base.
        is_seekable: pts so far were present and rising and nothing was damaged, so that a seek to
            `pts` finds the same frame; otherwise a source goes on by decoding from the start.
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
        image: its image, upright; valid until the next frame is asked for.
        pts: ticks of `time_base`; None where the file has none. A video's rise.
        time_base: seconds per tick.
        duration: ticks until the next sampled frame, or the source's end; at least 1. Nominal where
            times are not known.
        captured_ns: wall clock, nanoseconds since the epoch.
        position: the position behind this frame.
        is_still: whether it is an image by itself; see `frame.Frame`.
    """

    image: Image
    pts: int | None
    time_base: Fraction
    duration: int
    captured_ns: int
    position: Position
    is_still: bool = False


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source before it is read.

    Attributes:
        hw: height and width of its first frame, upright; the largest that is announced.
        frame_count: how many frames it will emit after sampling; None where nobody knows.
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
        """What its images write, a name of registry.KINDS["pixel_format"]; of the class, too."""
        ...

    @property
    def position(self) -> Position:
        """The position behind all that was decoded, also what came after the last emitted frame."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence for each thing wrong with the source that did not end it.

        What was wrong before `start` is told as far as the position counts it.
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
        """Decode on from a position; the frames are the same as in an unbroken run.

        Args:
            start: where to go on.
            on_skipped: called for every frame that is decoded but not emitted, so that the caller
                can show that it is alive; what it raises ends the iteration.

        Raises:
            SourceError: nothing (more) can be read, in one sentence that names the source.
        """
        ...
