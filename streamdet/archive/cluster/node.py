"""The pipeline of one node of a cluster: an actor, which answers at once and works in a thread."""

from __future__ import annotations

import platform
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import streamdet
from streamdet.archive.cluster.held_folder import held_folder
from streamdet.archive.detection_graph import SplitGraph
from streamdet.archive.digests import detect_digest
from streamdet.archive.planning import Request
from streamdet.archive.segment_run import SegmentRun
from streamdet.config.deploy import DeploySettings
from streamdet.errors import EngineError, StreamdetError
from streamdet.run.missing_parts import refuse_missing
from streamdet.run.report import Report, SourceReport
from streamdet.sinks.segments import SUFFIX
from streamdet.sources.resolve import SourceItem

STOP_S: Final = 5.0
"""A run that is to stop gets so long to remove what it has on its machine."""

_MOST_BYTES: Final = 16 << 20
"""Detections of one answer, about."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a node must know of an archive; no secret is in it.

    Attributes:
        parts: of the graph, only what detects.
        detect_every: see planning.Request.
        settings: how each node runs graphs: with a private server.
        digest: of what the detections depend on, as it is where the archive lies.
        version: of streamdet there.
        python: version of Python there.
    """

    parts: SplitGraph
    detect_every: int
    settings: DeploySettings
    digest: str
    version: str
    python: str

    @classmethod
    def of(cls, request: Request, settings: DeploySettings) -> Order:
        """Leave out of a request what no node needs, such as addresses of the graph's sinks."""
        whole = request.parts
        graph = whole.detection_graph((), Path(), None)
        source = replace(whole.source, items=())
        parts = replace(whole, graph=graph, source=source, join=(), left_out=())
        digest = detect_digest(parts, request.detect_every)
        version = streamdet.__version__
        return cls(parts, request.detect_every, settings, digest, version, _python())


@dataclass(frozen=True, slots=True)
class News:
    """What has become of a node's segments since it was asked before.

    Attributes:
        ended: segments that have ended, each with its file of detections.
        running: those of which frames have come, and that have not ended.
        warnings: sentences.
        notes: sentences.
        is_over: whether the run has ended, and all of it has been told.
        failure: why it failed, if it did.
    """

    ended: tuple[tuple[SourceReport, bytes], ...] = ()
    running: tuple[SourceReport, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_over: bool = False
    failure: str = ""


@dataclass(slots=True)
class _Told:
    """What the run's thread has to tell; with a lock around every use."""

    ended: list[tuple[SourceReport, bytes]] = field(default_factory=list)
    running: tuple[SourceReport, ...] = ()
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class NodePipeline:
    """The pipeline of the node that this process is on.

    Args:
        order: what it must know.
        lanes: how many segments are read at once.
    """

    def __init__(self, order: Order, lanes: int) -> None:
        self._order = order
        self._lanes = lanes
        self._stack = ExitStack()
        # Its one thread lives as long as this process: the kernel ends the pipeline with it.
        self._thread = ThreadPoolExecutor(1, "pipeline")
        self._lock = threading.Lock()
        self._told = _Told()
        self._run: SegmentRun | None = None
        self._report: Future[Report] | None = None

    def check(self) -> str:
        """Say why this node cannot do the work; "" where it can."""
        order = self._order
        here, there = (streamdet.__version__, _python()), (order.version, order.python)
        if here != there:
            return "has streamdet {} on Python {}, the archive {} on {}".format(*here, *there)
        try:
            refuse_missing(order.parts.graph)
            is_same = detect_digest(order.parts, order.detect_every) == order.digest
            self._folder = self._stack.enter_context(held_folder("node"))
        except StreamdetError as exc:
            return str(exc)
        return "" if is_same else "has other weights of the model than the archive's machine"

    def begin(
        self,
        items: Sequence[SourceItem],
        stored_hw: Mapping[str, tuple[int, int]],
        sizes: Mapping[Path, int],
    ) -> str:
        """Begin to work on segments.

        Args:
            items: the segments.
            stored_hw: segment -> how large the slots for its images must be.
            sizes: file on the disk -> how many bytes it has.

        Returns:
            Why it cannot be done here; "" where it has begun.
        """
        if problem := _unlike(sizes):
            return problem
        self._told = _Told()
        order = self._order
        try:
            run = SegmentRun(
                order.parts, items, stored_hw, order.settings, self._folder, self._lanes
            )
        except StreamdetError as exc:
            return str(exc)
        run.on_ended, run.on_look = self._on_ended, self._on_look
        run.on_warning, run.on_note = self._on_warning, self._on_note
        self._run, self._report = run, self._thread.submit(run.run)
        return ""

    def news(self) -> News:
        """Say what has become of the segments since this was asked before."""
        assert self._report is not None
        is_over = self._report.done()
        with self._lock:
            told = self._told
            ended = _at_most(told.ended, _MOST_BYTES)
            del told.ended[: len(ended)]
            running, warnings, notes = told.running, tuple(told.warnings), tuple(told.notes)
            told.warnings.clear()
            told.notes.clear()
            is_over = is_over and not told.ended
        failure = self._failure(self._report) if is_over else ""
        return News(tuple(ended), running, warnings, notes, is_over, failure)

    def stop(self) -> None:
        """End the run, and remove what it has on this machine."""
        if self._run is not None and self._report is not None:
            self._run.stop(at_once=True)
            with suppress(StreamdetError, TimeoutError):
                self._report.result(STOP_S)
        self._stack.close()

    def _failure(self, report: Future[Report]) -> str:
        try:
            ended = report.result()
        except StreamdetError as exc:
            return str(exc)
        if ended.outcome == "failed":
            return ended.failure or "the run failed"
        return "" if ended.outcome == "done" else f"the run was {ended.outcome}"

    def _on_ended(self, source: SourceReport) -> None:
        path = self._folder / f"{source.source_id}{SUFFIX}"
        try:
            content = path.read_bytes()
            path.unlink()
        except OSError as exc:
            raise EngineError(f"{path}: {exc.strerror}") from exc
        with self._lock:
            self._told.ended.append((source, content))

    def _on_warning(self, warning: str) -> None:
        with self._lock:
            self._told.warnings.append(warning)

    def _on_note(self, note: str) -> None:
        with self._lock:
            self._told.notes.append(note)

    def _on_look(self, running: Sequence[SourceReport]) -> None:
        with self._lock:
            self._told.running = tuple(each for each in running if each.emitted)


def _at_most(
    ended: Sequence[tuple[SourceReport, bytes]], most: int
) -> list[tuple[SourceReport, bytes]]:
    """Take as many from the front as have so many bytes together, but one at least."""
    count = total = 0
    for _, content in ended:
        total += len(content)
        if count and total > most:
            break
        count += 1
    return list(ended[:count])


def _unlike(sizes: Mapping[Path, int]) -> str:
    """Name a file that is not here as it is where the archive lies; "" if none is."""
    for path, size in sizes.items():
        try:
            found = path.stat().st_size
        except OSError as exc:
            return f"cannot read {path} ({exc.strerror})"
        if found != size:
            return f"has another {path}: {found} bytes, not {size}"
    return ""


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])
