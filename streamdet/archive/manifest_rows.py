"""The rows of an archive's manifest: its files, and the segments that they were cut into."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Final, Literal

from streamdet.archive.listing import Identity
from streamdet.sources.cut import Cut
from streamdet.sources.media_file import MediaPlace, media_place

State = Literal["waiting", "done", "failed"]

FILE_COLUMNS: Final = (
    "id, path, source_id, size, mtime_ns, hw, seconds, rate, why_whole, state, error, result,"
    " join_digest"
)
SEGMENT_COLUMNS: Final = "file, number, begin_pts, end_pts, seconds, state, attempts, result"


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of the archive.

    Attributes:
        id: its number.
        path: where it lies, on the disk or in an object store.
        source_id: its name in the outputs.
        identity: of the file that was planned.
        hw: height and width, not turned, pixels; None where unknown.
        seconds: how long it lasts; None where unknown.
        rate: frames per second; None where unknown.
        why_whole: why it was not cut though it is long.
        state: what has become of it.
        error: why it failed.
        result: what came of it, once it is done; see join.FileResult.
        join_digest: of the tracker and what else the outputs were made with.
    """

    id: int
    path: MediaPlace
    source_id: str
    identity: Identity
    hw: tuple[int, int] | None
    seconds: float | None
    rate: float | None
    why_whole: str
    state: State
    error: str | None
    result: dict[str, Any] | None
    join_digest: str | None


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A segment of a file.

    Attributes:
        file: the file's number.
        number: its place in the file, from 0.
        cut: which part of the video it is.
        seconds: how long it lasts, about.
        state: what has become of it.
        attempts: how many runs have failed while it was being worked on.
        result: frames, damaged packets and warnings, once it is done.
    """

    file: int
    number: int
    cut: Cut
    seconds: float
    state: State
    attempts: int
    result: dict[str, Any] | None

    @property
    def name(self) -> str:
        """Its source id in a run, and the stem of its file of detections."""
        return f"{self.file}-{self.number}"


@dataclass(frozen=True, slots=True)
class Totals:
    """Segments of one state: how many, and how many seconds of video."""

    count: int = 0
    seconds: float = 0.0


def file_row(row: tuple[Any, ...]) -> FileRow:
    """Read a row of `FILE_COLUMNS`."""
    (id_, path, source_id, size, mtime_ns, hw, seconds, rate, why_whole, state, error, result,
     join_digest) = row  # fmt: skip
    return FileRow(
        id_,
        media_place(os.fsdecode(path)),
        source_id,
        Identity(size, mtime_ns),
        None if hw is None else (json.loads(hw)[0], json.loads(hw)[1]),
        seconds,
        rate,
        why_whole,
        state,
        error,
        _loaded(result),
        join_digest,
    )


def segment_row(row: tuple[Any, ...]) -> SegmentRow:
    """Read a row of `SEGMENT_COLUMNS`."""
    file, number, begin, end, seconds, state, attempts, result = row
    return SegmentRow(file, number, Cut(begin, end), seconds, state, attempts, _loaded(result))


def _loaded(text: str | None) -> dict[str, Any] | None:
    return None if text is None else json.loads(text)
