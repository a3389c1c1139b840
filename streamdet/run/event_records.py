"""Adds to a run's records the events that come with no frame: clips, snapshots, states of cameras.

A sink sees only frames. So the process that supervises the run reads the run's stream of events,
which is the queue: an event that cannot be written is read again later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from streamdet.errors import StreamdetError
from streamdet.formats.published import PublishedMessage
from streamdet.graph import PipelineGraph
from streamdet.records.rows import EventRow
from streamdet.records.writer import RecordWriter
from streamdet.sinks.background_writer import RETRY_S
from streamdet.sinks.records import RecordsOptions
from streamdet.transport.tailing import follow, newest

EVENTS: Final = frozenset({"camera", "clip", "recording", "snapshot"})
"""The events that no analytics make."""
_LAST_WAIT_S: Final = 10.0


class EventRecords:
    """Follows a run's events in a thread, from the first `tick` at which the graph keeps records.

    Args:
        graph: gives the run's graph, as of now.
        stream: key of the stream of events.
        warn: told, in a sentence, what was not written.
        retry_s: pause after the system refused to write, seconds.
    """

    def __init__(
        self,
        graph: Callable[[], PipelineGraph],
        stream: str,
        warn: Callable[[str], None],
        retry_s: float = RETRY_S,
    ) -> None:
        self._graph = graph
        self._stream = stream
        self._warn = warn
        self._retry_s = retry_s
        self._thread: threading.Thread | None = None
        self._is_ending = threading.Event()
        self._problem = ""

    def tick(self, redis_url: str, run_id: str) -> None:
        """Begin to follow, if the graph keeps records and that has not begun yet."""
        if self._thread is None and self._folders():
            args = (redis_url, run_id)
            self._thread = threading.Thread(
                target=self._work, args=args, name="records", daemon=True
            )
            self._thread.start()

    def finish(self) -> None:
        """Write what is still there: the workers have ended."""
        if self._thread is None:
            return
        self._is_ending.set()
        self._thread.join(_LAST_WAIT_S)
        if self._problem:
            self._warn(f"the last events are missing in the records: {self._problem}")

    def _folders(self) -> list[Path]:
        options = (node.options for node in self._graph().nodes_of_role("sink"))
        return [each.folder for each in options if isinstance(each, RecordsOptions)]

    def _work(self, redis_url: str, run_id: str) -> None:
        writers: dict[Path, RecordWriter] = {}
        for event in self._events(redis_url):
            if event.get("run") == run_id and event.get("event") in EVENTS:
                row = EventRow.of(event.body)
                for folder in self._folders():
                    self._write(writers.setdefault(folder, RecordWriter(folder)), row)
        for writer in writers.values():
            writer.close()

    def _write(self, writer: RecordWriter, row: EventRow) -> None:
        """Write a row, however often that must be tried."""
        while True:
            try:
                writer.write([row])
            except OSError as exc:
                if self._is_ending.wait(self._retry_s):
                    self._problem = exc.strerror or str(exc)
                    return
            else:
                return

    def _events(self, redis_url: str) -> Iterator[PublishedMessage]:
        """Yield the events of the stream until the run has ended and none is left."""
        after_id = b""
        while True:
            try:
                if not after_id:
                    last = newest(redis_url, self._stream)
                    after_id = b"0" if last is None else last.id
                for entry in follow(redis_url, self._stream, after_id.decode()):
                    if entry is not None:
                        after_id = entry.id
                        yield PublishedMessage.of_fields(entry.id, entry.fields)
                    elif self._is_ending.is_set():
                        return
            except StreamdetError as exc:
                if self._is_ending.wait(1.0):
                    self._problem = str(exc)
                    return
