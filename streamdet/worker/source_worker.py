"""The worker of a source: decodes, runs the other stages of its process, commits.

A frame's image is valid only until the next one is decoded, so the stages of this process work on
one frame at a time; several commits make one step.
"""

from __future__ import annotations

import time
from typing import Final

from streamdet.errors import SourceError, one_line
from streamdet.registry import load
from streamdet.sources import UNSEEN, DecodedFrame, Position, Source
from streamdet.sources.positions import pack_position, unpack_position
from streamdet.sources.resolve import SourceItem
from streamdet.stages.preview import PreviewTap
from streamdet.stages.source import SourceStage
from streamdet.transport.bus import Step, StepResult
from streamdet.worker.context import WorkerContext
from streamdet.worker.held_frames import HeldFrames
from streamdet.worker.run_files import begun
from streamdet.worker.stage_stats import SKIPPED

PAUSE_S: Final = 0.005

LONGEST_HOLD_NS: Final = 20_000_000
"""Longest wait of frames for a full step."""


STOP_CHECK_NS: Final = 250_000_000
"""While frames are skipped, the bus is asked at most this often whether the run is stopping."""


class StopRequested(Exception):  # noqa: N818  not an error
    """The run has been asked to stop."""


class SourceWorker:
    """Reads, one after another, the items of a source node that no other worker has claimed.

    Args:
        context: the plan and the objects made from it.
    """

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        plan = context.plan
        self._node = plan.nodes[0].node
        self._stage = SourceStage(
            self._node.name,
            context.pixels,
            publishes_image=plan.nodes[0].slot_readers > 0,
            preview=PreviewTap(plan.run.folder),
        )
        self._held = HeldFrames(context)
        self._last = Position()
        self._is_stopping = False
        self._checked_ns = self._skipped = 0

    def run(self) -> None:
        """Read every item to its end, or until the run is asked to stop.

        Raises:
            TransportError: see the note "Begin again" in main.py.
        """
        self.attach()
        for item in self._context.plan.items:
            self.read(item)
        self._context.group.close()

    def attach(self) -> None:
        """Take over from the previous process of this worker."""
        self._lease = self._context.take_over()
        bus = self._context.bus
        self._positions = bus.positions()
        self._ended = bus.ended_sources(self._context.plan.group)
        self._is_stopping = bus.is_stopping()

    def read(self, item: SourceItem) -> None:
        """Read one item from its committed position on, unless another worker has claimed it."""
        if item.source_id in self._ended:
            return
        if not self._context.bus.claim_source(self._lease, item.source_id):
            return
        self._source_id = item.source_id
        self._last, _ = unpack_position(self._positions.get(item.source_id))
        source = self._open(item)
        error = None
        try:
            self._count_attempt()
            self._emit_all(source)
        except StopRequested:
            self._is_stopping = True
        except SourceError as exc:
            error = str(exc)
        except MemoryError:
            error = self._too_large()
        self._flush()
        self._end(source, error)

    def _count_attempt(self) -> None:
        """Give a source up on which this worker's processes keep ending.

        Raises:
            SourceError: the plan's `read_attempts` have been made at this place of it.
        """
        plan, index = self._context.plan, self._last.index
        limit = plan.run.read_attempts
        if limit and begun(plan.run.folder, plan.consumer, self._source_id, index) > limit:
            name = plan.run.source_names[self._source_id]
            raise SourceError(f"{name}: reading it ended the process {limit} times in a row")

    def _too_large(self) -> str:
        run = self._context.plan.run
        limit = f"decoder_mib in the deploy file is {run.sources.decoder_mib}"
        return f"{run.source_names[self._source_id]}: reading it needs more memory ({limit})"

    def _open(self, item: SourceItem) -> Source:
        options = self._node.options if item.options is None else item.options
        source: Source = load("source", self._node.kind)(item.uri, options)
        return source

    def _emit_all(self, source: Source) -> None:
        started_ns = time.monotonic_ns()
        for decoded in () if self._is_stopping else source.frames(self._last, self._on_skipped):
            self._emit(decoded, started_ns)
            if self._is_stopping:
                return
            started_ns = time.monotonic_ns()

    def _emit(self, decoded: DecodedFrame, started_ns: int) -> None:
        self._context.beat()
        reason = UNSEEN if decoded.is_unseen else None
        self._held.add(self._stage.job(self._source_id, decoded, started_ns, reason))
        self._last = decoded.position
        if len(self._held) >= self._context.plan.batch:
            self._flush()
        self._flush_old()

    def _flush_old(self) -> None:
        """Commit the held frames if they have waited long enough."""
        if self._held.age_ns > LONGEST_HOLD_NS:
            self._flush()

    def _flush(self) -> None:
        if self._held:
            packed = pack_position(self._last)
            self._after_step(self._held.commit(self._lease, self._source_id, packed))

    def _end(self, source: Source, error: str | None) -> None:
        # Frames decoded after the last emitted one count too, unless that one was never committed.
        position = source.position if source.position.index == self._last.index else self._last
        warnings = [*map(one_line, (*source.warnings, *self._stage.warnings(self._source_id)))]
        notes = {"error": error, "warnings": warnings, "is_stopped": self._is_stopping}
        packed = pack_position(position, notes)
        self._after_step(self._held.end(self._lease, self._source_id, position.index, packed))

    def _after_step(self, result: StepResult) -> None:
        self._is_stopping = self._is_stopping or result.is_stopping
        self._pause(result.in_flight)

    def _pause(self, in_flight: int) -> None:
        """Wait while too many frames of a source are in flight.

        Only sources wait: another stage could hold back the very frame that its readers need next
        to restore the order.
        """
        while in_flight > self._context.plan.run.max_in_flight:
            self._context.beat()
            time.sleep(PAUSE_S)
            in_flight = self._context.bus.in_flight(self._lease, self._source_id)

    def _on_skipped(self) -> None:
        """A frame was skipped: show that this worker is alive, and check for a stop at times.

        Raises:
            StopRequested: the run has been asked to stop.
        """
        self._context.beat()
        self._flush_old()
        self._skipped += 1
        if time.monotonic_ns() - self._checked_ns > STOP_CHECK_NS:
            self._checked_ns = time.monotonic_ns()
            counters = {f"{SKIPPED}{self._node.name}": self._skipped}
            self._skipped = 0
            if self._context.bus.step(Step(self._lease, [], counters=counters)).is_stopping:
                raise StopRequested
