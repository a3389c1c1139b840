"""A run that hands its frames, one by one, to the process that started it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Full, Queue
from types import TracebackType
from typing import Final, Self

from streamdet.detections import Detections
from streamdet.errors import EngineError, SourceError
from streamdet.events import Event
from streamdet.image import Pixels
from streamdet.messages import FrameMessage
from streamdet.run.report import Report
from streamdet.run.supervisor import Supervisor
from streamdet.transport.frame_socket import FrameReceiver

HELD: Final = 4
"""Frames received ahead of the caller; while they are full, the run waits."""
POLL_S: Final = 0.25
CLOSE_LIMIT_S: Final = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class StreamFrame:
    """A frame and what was found in it.

    Attributes:
        source_id: the source's name in the run.
        index: the frame's place in its source, from 0, without gaps.
        pts_s: presentation time, seconds; None where the file has none.
        detections: objects in the image's pixels, with track ids where the graph has a tracker;
            empty for a dropped frame.
        image: (H, W, 3) uint8 BGR; None for a frame that was dropped before it had one.
        model: name of the model that found the objects; None where none did.
        classes: names of that model's classes: `detections.labels(frame.classes)`.
        drop_reason: why the frame was dropped; None if it was not.
        events: what the graph's analytics noticed in this frame.
    """

    source_id: str
    index: int
    pts_s: float | None
    detections: Detections
    image: Pixels | None
    model: str | None
    classes: tuple[str, ...]
    drop_reason: str | None
    events: tuple[Event, ...] = ()


class FrameStream:
    """Iterates over the frames of a run, each once and each source's in order.

    Leaving the loop in any way ends the run and all its processes; so do `close`, the end of a
    `with` block, and the end of the program.

    Args:
        supervisor: of a graph with a `caller` sink; it has not run yet.
        classes: model name -> names of its classes.
    """

    def __init__(self, supervisor: Supervisor, classes: Mapping[str, tuple[str, ...]]) -> None:
        self._classes = classes
        self._run = _BackgroundRun(supervisor)
        self._finalizer = weakref.finalize(self, _BackgroundRun.close, self._run)

    @property
    def report(self) -> Report | None:
        """The run's report; None before its end."""
        return self._run.report

    def __iter__(self) -> Self:
        """Return itself: a run can be iterated once."""
        return self

    def __next__(self) -> StreamFrame:
        """Wait for the next frame.

        Raises:
            StopIteration: every source has ended.
            StreamdetError: the run failed, or could not be started.
        """
        try:
            taken = self._run.take()
            if taken is None:
                self._run.raise_failure()
                raise StopIteration
        except BaseException:
            self.close()
            raise
        return self._frame(*taken)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the run."""
        self.close()

    def close(self) -> None:
        """End the run and all its processes; a second call does nothing."""
        self._finalizer()

    def _frame(self, message: FrameMessage, image: Pixels | None) -> StreamFrame:
        frame, pts_ns = message.frame, message.frame.pts_ns
        found = message.detections if message.drop_reason is None else None
        return StreamFrame(
            source_id=frame.source_id,
            index=frame.index,
            pts_s=None if pts_ns is None else pts_ns / 1e9,
            detections=Detections.empty() if found is None else found,
            image=image,
            model=message.model,
            classes=self._classes.get(message.model or "", ()),
            drop_reason=message.drop_reason,
            events=message.events,
        )


_Taken = tuple[FrameMessage, Pixels | None]


class _BackgroundRun:
    """The run in a thread, and a second thread that receives its frames."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._frames: Queue[_Taken | None] = Queue(HELD)
        self._is_over = threading.Event()
        self._failure: BaseException | None = None
        self.report: Report | None = None
        supervisor.on_folder = self._listen
        supervisor.is_consumer_busy = self._frames.full
        self._threads = [threading.Thread(target=self._run, name="streamdet-run", daemon=True)]
        self._threads[0].start()

    def take(self) -> _Taken | None:
        """Wait for a frame; None once there will be no more."""
        while not self._is_over.is_set():
            with suppress(Empty):
                taken = self._frames.get(timeout=POLL_S)
                if taken is None:
                    self._is_over.set()
                return taken
        return None

    def raise_failure(self) -> None:
        """Raise the error that the run ended with, if any."""
        if self._failure is not None:
            raise self._failure
        report = self.report
        if report is None or report.is_good:
            return
        if report.outcome == "failed":
            raise EngineError(report.failure or "the run failed")
        failures = [source.failure for source in report.sources if source.failure]
        if failures:
            raise SourceError("; ".join(failures))

    def close(self) -> None:
        """End the run at once if it has not ended, and wait until all its threads have ended."""
        self._supervisor.stop(at_once=True)
        self._is_over.set()
        for thread in tuple(self._threads):
            if thread is not threading.current_thread():
                thread.join(CLOSE_LIMIT_S)

    def _run(self) -> None:
        try:
            self.report = self._supervisor.run()
        except BaseException as exc:  # noqa: BLE001  it is raised from the iterator
            self._failure = exc
        self._put(None)

    def _listen(self, folder: Path) -> None:
        receiver = FrameReceiver(folder, self._give, self._is_over.is_set)
        thread = threading.Thread(target=receiver.serve, name="streamdet-frames", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _give(self, message: FrameMessage, pixels: Pixels | None) -> None:
        if not self._put((message, pixels)):
            raise ConnectionResetError("the caller takes no more frames")

    def _put(self, taken: _Taken | None) -> bool:
        """Queue a frame for `take` when there is room; returns False if the run is over."""
        while not self._is_over.is_set():
            with suppress(Full):
                self._frames.put(taken, timeout=POLL_S)
                return True
        return False
