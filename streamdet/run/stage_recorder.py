"""Has a stage of a running run recorded, and puts the parts of its workers into one file."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError, EngineError
from streamdet.formats.stage_recording import (
    NodeStart,
    RecordedInput,
    RecordingFile,
    count_blocks,
    frame_of,
    header_bytes,
    input_bytes,
    start_bytes,
)
from streamdet.messages import EndOfStream
from streamdet.run.status import run_statuses
from streamdet.system.atomic_file import written_whole
from streamdet.transport.run_folder import live_runs
from streamdet.worker.taps import PART, PROBLEM, STARTED, Wanted, want, want_no_more, want_still

AHEAD: Final = 16
"""Frames that a source may read while a recording is being asked for."""
POLL_S: Final = 0.1
_STARTS_S: Final = 10.0
"""Frames that are under way reach a tracker within so long."""
_SETTLE_S: Final = 0.3
"""How long a worker may be within a batch when the recording ends."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was recorded.

    Attributes:
        frames: how many, dropped ones too.
        with_image: how many of them have an image.
        size: bytes of the file.
        left_out: frames that came after a gap: a worker had ended before another one.
        problem: why it ended early, in a sentence; "" where it did not.
    """

    frames: int
    with_image: int
    size: int
    left_out: int
    problem: str


@dataclass(frozen=True, slots=True)
class Limits:
    """When a recording ends by itself.

    Attributes:
        frames: so many, at least; None: when it is stopped.
        seconds: of recording; None likewise.
        most_bytes: of all parts together, before they are compressed.
    """

    frames: int | None
    seconds: float | None
    most_bytes: int


def first_frames(run_folder: Path) -> dict[str, int]:
    """Say from which frame on a recording can be whole: source id -> index; 0 before the start."""
    (status,) = run_statuses([run_folder], lambda seconds: None)
    return {
        source.source_id: source.emitted + AHEAD if source.emitted else 0
        for source in status.sources
    }


class StageRecorder:
    """Records one stage of one run.

    Args:
        run_folder: of the run.
        wanted: what to record; its folder is made, and removed at the end.
        limits: when to end.
        stateful: names of the trackers and analytics that the frames reach.
    """

    def __init__(
        self, run_folder: Path, wanted: Wanted, limits: Limits, stateful: Sequence[str] = ()
    ) -> None:
        self._run_folder = run_folder
        self._wanted = wanted
        self._limits = limits
        self._parts = Path(wanted.folder)
        self._awaited = {f"{node}.{name}{STARTED}" for node in stateful for name in wanted.starts}
        self._counts: dict[Path, tuple[int, int]] = {}

    def record(self, output: Path, is_stopped: Callable[[], bool]) -> Recorded:
        """Record until a limit is reached, the run has ended, or it is stopped; write the file.

        Raises:
            ConfigError: nothing came.
            EngineError: the parts or the file cannot be written.
        """
        try:
            self._parts.mkdir(parents=True)
        except OSError as exc:
            raise EngineError(f"{self._parts} cannot be made: {exc.strerror}") from exc
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self._parts, ignore_errors=True)
            stack.callback(want_no_more, self._run_folder)
            want(self._run_folder, self._wanted)
            problem = self._wait(is_stopped)
            self._wait_for_starts()
            want_no_more(self._run_folder)
            time.sleep(_SETTLE_S)
            return merge(sorted(self._parts.glob(f"*{PART}")), output, problem)

    def _wait(self, is_stopped: Callable[[], bool]) -> str:
        """Wait for the end; returns why it came early."""
        started_s = time.monotonic()
        while not is_stopped():
            want_still(self._run_folder)
            size = sum(part.stat().st_size for part in self._parts.glob(f"*{PART}"))
            if size > self._limits.most_bytes:
                return f"it has reached {self._limits.most_bytes} bytes (--max-bytes)"
            if problems := list(self._parts.glob(f"*{PROBLEM}")):
                return f"a part could not be written: {problems[0].read_text()}"
            frames, seconds = self._limits.frames, self._limits.seconds
            if frames is not None and self._frames() >= frames:
                return ""
            if seconds is not None and time.monotonic() - started_s >= seconds:
                return ""
            if self._run_folder not in live_runs():
                return ""
            time.sleep(POLL_S)
        return ""

    def _wait_for_starts(self) -> None:
        """Wait, but not for long, until every tracker has got the first recorded frame."""
        deadline_s = time.monotonic() + _STARTS_S
        while time.monotonic() < deadline_s and self._run_folder in live_runs():
            want_still(self._run_folder)
            there = {path.name for path in self._parts.glob(f"*{STARTED}")}
            if self._awaited <= there:
                return
            time.sleep(POLL_S)

    def _frames(self) -> int:
        """Count the frames in the parts; only what is new is read."""
        for part in self._parts.glob(f"*{PART}"):
            self._counts[part] = count_blocks(part, *self._counts.get(part, (0, 0)))
        starts = len(list(self._parts.glob(f"*{STARTED}")))
        return sum(count - 1 for count, _ in self._counts.values()) - starts


def merge(parts: Sequence[Path], output: Path, problem: str) -> Recorded:
    """Write the parts of several workers as one file, each source's frames in order.

    Raises:
        ConfigError: there is nothing in them.
        EngineError: the file cannot be written.
    """
    files = [file for part in parts if (file := _opened(part)) is not None]
    starts: dict[tuple[str, str], NodeStart] = {}
    places: dict[tuple[str, float], _Place] = {}
    for number, file in enumerate(files):
        for block in file.blocks():
            if isinstance(block, RecordedInput):
                place = _Place(block.at_ns, _key(block), number, file.begin)
                # A worker that was killed, and the next one, may both have got it.
                first = places.setdefault(place.key, place)
                if place.at_ns < first.at_ns:
                    places[place.key] = place
            else:
                starts.setdefault((block.node, block.source_id), block)
    if not any(math.isfinite(index) for _, index in places):
        raise ConfigError("no frame has come to the stage: nothing is recorded")
    whole = _without_gaps(list(places.values()))
    header = next(file.header for file in files if file.header.role)
    frames = with_image = 0
    with written_whole(output) as out:
        out.write(header_bytes(header) + b"".join(map(start_bytes, starts.values())))
        for place in _in_order(whole):
            entry = files[place.part].at(place.begin)
            out.write(input_bytes(entry, compressed=True))
            frames += frame_of(entry) is not None
            with_image += entry.image is not None or entry.prepared is not None
    left_out = len(places) - len(whole)
    return Recorded(frames, with_image, output.stat().st_size, left_out, problem)


def _opened(part: Path) -> RecordingFile | None:
    try:
        return RecordingFile(part)
    except ConfigError:  # a worker was killed before its header was whole
        return None


@dataclass(frozen=True, slots=True)
class _Place:
    at_ns: int
    key: tuple[str, float]
    part: int
    begin: int


def _key(entry: RecordedInput) -> tuple[str, float]:
    """Name a frame by its source and index; the end of a source comes last."""
    message = entry.message
    return message.source_id, math.inf if isinstance(message, EndOfStream) else message.index


def _without_gaps(places: list[_Place]) -> list[_Place]:
    """Leave out what follows a frame that is missing: a tracker would go on differently."""
    kept = []
    following: dict[str, float] = {}
    for place in sorted(places, key=lambda each: each.key):
        source_id, index = place.key
        if index in (following.setdefault(source_id, index), math.inf):
            following[source_id] = index + 1
            kept.append(place)
    return kept


def _in_order(places: list[_Place]) -> Iterator[_Place]:
    """Yield by time, but each source's frames by index: replicas of a stage overtake each other."""
    by_key = sorted(places, key=lambda each: each.key)
    by_index = {
        source_id: iter(list(own)) for source_id, own in groupby(by_key, lambda each: each.key[0])
    }
    for place in sorted(places, key=lambda each: each.at_ns):
        yield next(by_index[place.key[0]])
