"""Keeps events and tracks in files of a day each, to be searched: see streamdet/records.

Rows are committed before a thread writes them, and forgotten in a step after that: a process killed
in between writes them again, and a row that is there already is left as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgpack
from pydantic import Field

from streamdet.config.options import Options
from streamdet.errors import ConfigError
from streamdet.formats.event_json import scene_event
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.records.rows import EventRow, Row, TrackRow
from streamdet.records.writer import RecordWriter
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.background_writer import RETRY_S, BackgroundWriter
from streamdet.sinks.frame_times import is_live, taken_s
from streamdet.sinks.recorded_tracks import RecordedTracks
from streamdet.sinks.recorder import LATEST_FRAME_S, recording_entry
from streamdet.system.atomic_file import checked_folder

MOST_ROWS: Final = 20_000
"""Rows that wait while the system refuses to write; of more, the oldest are lost."""
_ROWS: Final = "rows/"
"""Prefix of the states that hold rows which have not been written yet."""
_TRACKS: Final = "tracks/"
_LAST_WAIT_S: Final = 30.0


class RecordsOptions(Options):
    """Options of `records`."""

    folder: Path = Field(description="The folder; it is made, and holds one SQLite file a day.")
    keep_days: float | None = Field(
        30, gt=0, description="Days after which a file is removed; null: never."
    )
    keep_bytes: int | None = Field(
        None, ge=1_000_000, description="The oldest days are removed when all are larger together."
    )
    classes: tuple[str, ...] = Field(
        (), description="Names of classes whose tracks are kept; by default all."
    )
    min_frames: int = Field(
        5, ge=1, description="Frames that a track must be seen in to be kept: fewer may be noise."
    )


class RecordsSink:
    """Keeps what analytics notice, and each track, in files that `streamdet search` reads."""

    Options = RecordsOptions
    needs_image = False
    has_file_per_source = False
    options_may_change = True

    def __init__(
        self,
        options: RecordsOptions,
        context: SinkContext,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        retry_s: float = RETRY_S,
    ) -> None:
        """Remember options and run.

        Args:
            options: of the node.
            context: of the run.
            clock_ns: the monotonic clock.
            retry_s: pause after the system refused to write, seconds.
        """
        self._options = options
        self._context = context
        self._clock_ns = clock_ns
        self._writer: BackgroundWriter[None] = BackgroundWriter(retry_s)
        self._files = RecordWriter(options.folder, options.keep_days, options.keep_bytes)
        self._tracks: dict[str, RecordedTracks] = {}
        self._changed: set[str] = set()
        self._staged: list[Row] = []
        self._waiting: dict[int, list[Row]] = {}
        self._next = 0
        self._settled: set[int] = set()
        self._writing: tuple[int, ...] = ()
        self._problem = ""
        self._lost = 0

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Go on with the committed tracks and rows.

        Raises:
            ConfigError: the folder cannot be made or written to.
        """
        folder = self._options.folder
        try:
            checked_folder(folder)
            folder.mkdir(parents=True, exist_ok=True)
        except (ConfigError, OSError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else str(exc)
            raise ConfigError(f"cannot keep records in {folder}: {reason}") from exc
        for key, state in states.items():
            if key.startswith(_ROWS):
                number = int(key.removeprefix(_ROWS))
                self._waiting[number] = _unpacked(state)
                self._next = max(self._next, number + 1)
            else:
                name = key.removeprefix(_TRACKS)
                self._tracks[name] = RecordedTracks.restored(self._context.run_id, name, state)
        self._waiting = dict(sorted(self._waiting.items()))
        self._begin_writing()

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        """Stage the events of the frames, and the tracks that are new, last or have ended."""
        for message in messages:
            if message.drop_reason is None:
                self._see(message)
        return [()] * len(messages)

    def take_public(self) -> list[PublicEntry]:
        """Say that writing has stopped or goes on; end the tracks of cameras that send nothing."""
        late_s = self._clock_ns() / 1e9 - LATEST_FRAME_S
        for source_id, tracks in self._tracks.items():
            if is_live(self._context, source_id) and tracks.now_s < late_s and tracks.tracks:
                tracks.now_s = late_s
                self._stage_tracks(source_id)
        self._take_done()
        problem = self._writer.problem
        if bool(problem) == bool(self._problem):
            return []
        self._problem = problem
        folder = self._options.folder
        if problem:
            self._context.warn(
                f"{self._context.node}: keeping records in {folder} has stopped ({problem}); it"
                " goes on by itself when that is over"
            )
        return [recording_entry(self._context, problem and f"{folder}: {problem}")]

    def finish(self, source_id: str) -> None:
        """End the source's tracks."""
        if source_id in self._tracks:
            self._tracks[source_id].end_all()
            self._stage_tracks(source_id)

    def states(self) -> dict[str, bytes]:
        """The tracks that have changed, the staged rows, and which rows have been written."""
        self._take_done()
        states = {f"{_TRACKS}{name}": self._tracks[name].state() for name in self._changed}
        states |= {f"{_ROWS}{number}": b"" for number in self._settled}
        if self._staged:
            states[f"{_ROWS}{self._next}"] = _packed(self._staged)
        return states

    def committed(self) -> None:
        """Have the rows written that are committed now."""
        self._changed.clear()
        self._settled.clear()
        if self._staged:
            self._waiting[self._next] = self._staged
            self._next += 1
            self._staged = []
        self._begin_writing()

    def close(self) -> None:
        """Wait for what is still to be written, but not for ever; say what was not."""
        self._writer.wait(_LAST_WAIT_S, self._context.on_wait)
        self._take_done()
        self._begin_writing()
        self._writer.wait(_LAST_WAIT_S, self._context.on_wait)
        self._take_done()
        self._writer.close()
        self._files.close()
        if left := sum(map(len, self._waiting.values())):
            self._context.warn(
                f"{self._context.node}: {left} records were not written into"
                f" {self._options.folder} before the end"
            )

    def _see(self, message: FrameMessage) -> None:
        source_id, context = message.source_id, self._context
        names = context.class_names.get(message.model or "", ())
        if source_id not in self._tracks:
            self._tracks[source_id] = RecordedTracks(context.run_id, source_id)
        tracks = self._tracks[source_id]
        now_s = taken_s(message, live=is_live(context, source_id))
        tracks.now_s = max(tracks.now_s, now_s)
        tracks.see(message, names, self._options.classes)
        self._staged += [
            EventRow.of(scene_event(event, message, context.run_id, names))
            for event in message.events
        ]
        self._stage_tracks(source_id)

    def _stage_tracks(self, source_id: str) -> None:
        self._staged += self._tracks[source_id].rows(self._options.min_frames)
        self._changed.add(source_id)

    def _begin_writing(self) -> None:
        """Have all rows that wait written by one job, unless one is under way."""
        self._give_up_oldest()
        if self._waiting and not self._writing:
            self._writing = tuple(self._waiting)
            rows = [row for batch in self._waiting.values() for row in batch]
            self._writer.submit("rows", partial(self._files.write, rows))

    def _take_done(self) -> None:
        for done in self._writer.take_done():
            if done.failure:
                self._context.warn(f"{self._context.node}: {done.failure}")
            for number in self._writing:
                self._settled.add(number)
                self._waiting.pop(number, None)
            self._writing = ()

    def _give_up_oldest(self) -> None:
        """Forget the oldest rows where too many wait; the job under way has its own list."""
        while sum(map(len, self._waiting.values())) > MOST_ROWS and len(self._waiting) > 1:
            oldest = next(iter(self._waiting))
            if not self._lost:
                self._context.warn(
                    f"{self._context.node}: more than {MOST_ROWS} records wait to be written, the"
                    " oldest are lost"
                )
            self._lost += len(self._waiting.pop(oldest))
            self._settled.add(oldest)


_KINDS: Final[tuple[type[Any], ...]] = (EventRow, TrackRow)


def _packed(rows: Sequence[Row]) -> bytes:
    packed: bytes = msgpack.packb([(_KINDS.index(type(row)), *astuple(row)) for row in rows])
    return packed


def _unpacked(state: bytes) -> list[Row]:
    return [_KINDS[kind](*values) for kind, *values in msgpack.unpackb(state)]
