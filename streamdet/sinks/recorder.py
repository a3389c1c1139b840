"""What `clip` and `snapshot` share: a folder, a thread that writes, and what is said of both.

Note "once": what is to be written is committed before it is begun, written under another name,
renamed, and announced in the step that forgets it. A process killed in between writes the same file
again under the same name: there is one file and one event, and never half a file.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Generic, TypeVar

from pydantic import Field

from streamdet.formats.recording_events import recording_event
from streamdet.sinks import PublicEntry, SinkContext
from streamdet.sinks.background_writer import BackgroundWriter, Done
from streamdet.sinks.objects_wanted import ObjectOptions
from streamdet.sinks.recorded_files import Recorded, RecordedFiles
from streamdet.transport.bus import event_entry

T = TypeVar("T")

LATEST_FRAME_S: Final = 5.0
"""A camera from which no frame came for this long is away: what waits for its frames is written.

So late may frames come here after they were taken: max_staleness_ms and the detector's work.
"""
_CLEAN_EVERY_S: Final = 600.0
_LAST_WAIT_S: Final = 30.0
_CLEANING: Final = ""


class RecorderOptions(ObjectOptions):
    """Options of sinks that record into a folder."""

    folder: Path = Field(description="The folder; it is made, with one below it for each source.")
    keep_days: float | None = Field(
        None, gt=0, description="Files that it has written are removed when they are older."
    )
    keep_bytes: int | None = Field(
        None, ge=1, description="Its oldest files are removed when all together are larger."
    )


class Recorder(Generic[T]):
    """Writes files in the background, and tells of what goes wrong, once.

    Args:
        options: of the sink.
        context: of the sink.
        retry_s: pause after the system refused to write, seconds.
    """

    def __init__(self, options: RecorderOptions, context: SinkContext, retry_s: float) -> None:
        self._options = options
        self._context = context
        self._files = RecordedFiles(options.folder, options.keep_days, options.keep_bytes)
        self._writer: BackgroundWriter[T | None] = BackgroundWriter(retry_s)
        self._begun: set[str] = set()
        self._problem = ""
        self._cleaned_s = 0.0

    def open(self) -> None:
        """Make the folder.

        Raises:
            ConfigError: it cannot be written to.
        """
        self._files.open()

    def write(self, name: str, write: Callable[[Path], None]) -> Recorded:
        """Write one file, in a job: see RecordedFiles.write."""
        return self._files.write(name, write)

    def begin(self, jobs: Mapping[str, Callable[[], T]]) -> None:
        """Have jobs done in the background, each of which calls `write`.

        Args:
            jobs: key -> all that are not done; those that have been begun are not begun again.
        """
        self._begun &= jobs.keys()
        for key in jobs.keys() - self._begun:
            self._begun.add(key)
            self._writer.submit(key, jobs[key])

    def take_done(self) -> list[Done[T | None]]:
        """Return the jobs that are over since the last call; warn of those that failed."""
        self._clean_now_and_then()
        done = [each for each in self._writer.take_done() if each.key != _CLEANING]
        for failure in dict.fromkeys(each.failure for each in done if each.failure):
            self._context.warn(f"{self._context.node}: {failure}")
        return done

    def take_events(self) -> list[PublicEntry]:
        """Say that recording has stopped or goes on, once for each change."""
        problem = self._writer.problem
        if bool(problem) == bool(self._problem):
            return []
        self._problem = problem
        folder = self._options.folder
        if problem:
            self._context.warn(
                f"{self._context.node}: recording into {folder} has stopped ({problem}); it goes on"
                " by itself when there is room"
            )
        return [recording_entry(self._context, problem and f"{folder}: {problem}")]

    def finish(self) -> None:
        """Wait for what is being written: the last frame has come."""
        self._writer.wait(_LAST_WAIT_S, self._context.on_wait)

    def close(self) -> None:
        """Begin no other file; warn of those that were not written."""
        lost = [key for key in self._writer.close() if key != _CLEANING]
        if lost:
            self._context.warn(
                f"{self._context.node}: not written before the end, for want of room: {len(lost)}"
                f" of the files into {self._options.folder}"
            )

    def _clean_now_and_then(self) -> None:
        if time.monotonic() - self._cleaned_s > _CLEAN_EVERY_S:
            self._cleaned_s = time.monotonic()
            if self._options.keep_days is not None:
                self._writer.submit(_CLEANING, self._clean)

    def _clean(self) -> None:
        self._files.clean()


def changes(before: Mapping[str, bytes], now: Mapping[str, bytes]) -> dict[str, bytes]:
    """List what is new in `now`, and b"" for what is gone, as a step wants states."""
    gone = {key: b"" for key in before if key not in now}
    return {key: state for key, state in now.items() if before.get(key) != state} | gone


def write_synced(content: bytes, path: Path) -> None:
    """Write a file; it is on the disk when this returns.

    Raises:
        OSError: the system refuses.
    """
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def recording_entry(context: SinkContext, problem: str) -> PublicEntry:
    """Make the event that recording has stopped, or (no problem) goes on."""
    event = recording_event(context.run_id, context.node, problem, time.time_ns())
    return event_entry(context.events, event)


def file_name(source_id: str, captured_ns: int, label: str, track: int | None, suffix: str) -> str:
    """Name a file by its source, when its first image was taken (UTC), and its object."""
    seconds, rest_ns = divmod(captured_ns, 1_000_000_000)
    stamp = f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%S}.{rest_ns // 1_000_000:03}Z"
    what = re.sub(r"[^\w-]+", "_", label) + ("" if track is None else f"-{track}")
    return f"{source_id}/{source_id}_{stamp}_{what}{suffix}"
