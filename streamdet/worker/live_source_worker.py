"""The worker of one camera: connects to it again and again, emits its frames, drops what is late.

A live source never waits for the pipeline, and never ends by itself. A frame that is old when it
comes, that comes while enough of its camera's frames are under way, or that finds no free slot, is
committed as dropped, with the reason: every frame that the camera sent is accounted for.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any, Final

from streamdet.errors import CameraRefusedError, CameraSilentError, SourceError
from streamdet.formats.event_json import EVENTS_MAXLEN, camera_event
from streamdet.registry import load
from streamdet.sources import DecodedFrame, Position
from streamdet.sources.live import LiveFrame, LiveOptions, LiveSource
from streamdet.sources.resolve import SourceItem
from streamdet.stages.pixels import NoSlotError
from streamdet.stages.source import SourceStage
from streamdet.transport.bus import PublicEntry, Step, StepResult
from streamdet.worker.camera_state import CameraState, Pauses, State
from streamdet.worker.context import WorkerContext
from streamdet.worker.held_frames import HeldFrames
from streamdet.worker.run_files import pack_position, unpack_position
from streamdet.worker.source_worker import StopRequested
from streamdet.worker.stage_stats import PASSED
from streamdet.worker.under_way import UnderWay

STALE: Final = "stale: the frame came too late"
BUSY: Final = "busy: enough frames of its source were under way"

LONGEST_HOLD_NS: Final = 250_000_000
"""Dropped frames wait no longer than this for one that is not, to be committed with it."""
LOOK_EVERY_S: Final = 0.25
"""While a camera is away, the bus is asked so often whether the run is to stop."""


class LiveSourceWorker:
    """Emits the frames of one item of a source node: of the first that no other worker has claimed.

    Args:
        place: what there is to work with.
    """

    def __init__(self, place: WorkerContext) -> None:
        self._place = place
        plan = place.plan
        self._node = plan.nodes[0].node
        publishes_image = plan.nodes[0].slot_readers > 0
        self._stage = SourceStage(self._node.name, place.pixels, publishes_image=publishes_image)
        self._held = HeldFrames(place)
        self._camera = CameraState()
        self._lost, self._refused = Pauses(0.5, 2.0), Pauses(5.0, 30.0)

    def run(self) -> None:
        """Watch the camera until the run is asked to stop.

        Raises:
            TransportError: see the note "Begin again" in main.py.
        """
        self._lease = self._place.take_over()
        self._place.pixels.slot_wait_s = 0.0
        self._place.pixels.on_wait = _give_up
        ended = self._place.bus.ended_sources(self._place.plan.group)
        for item in self._place.plan.items:
            if self._place.bus.claim_source(self._lease, item.source_id):
                if item.source_id not in ended:
                    self._watch(item)
                break
        self._place.group.close()

    def _watch(self, item: SourceItem) -> None:
        self._source_id = item.source_id
        bus = self._place.bus
        self._last, _ = unpack_position(bus.positions().get(item.source_id))
        in_flight = bus.in_flight(self._lease, item.source_id)
        self._under_way = UnderWay(self._last.index, in_flight)
        options = item.options or self._node.options
        assert isinstance(options, LiveOptions)
        self._options = options
        source: LiveSource = load("source", self._node.kind)(item.uri, options)
        try:
            self._show("connecting")
            while True:
                self._look()
                self._wait(self._attempt(source))
        except StopRequested:
            self._end()

    def _attempt(self, source: LiveSource) -> float:
        """Emit frames until the camera is away; returns the pause before the next try, seconds."""
        state: State
        try:
            self._emit_all(source)
            reason, state, pauses = "the stream ended", "lost", self._lost
        except CameraRefusedError as exc:
            reason, state, pauses = str(exc), "refused", self._refused
        except CameraSilentError as exc:
            state = "stalled" if self._camera.state == "live" else "lost"
            reason, pauses = str(exc), self._lost
        except SourceError as exc:
            reason, state, pauses = str(exc), "lost", self._lost
        self._show(state, reason)
        return pauses.next_s()

    def _emit_all(self, source: LiveSource) -> None:
        with closing(source.connect()) as connection:
            for frame in connection.frames():
                self._place.beat()
                self._show("live")
                self._lost.reset()
                self._refused.reset()
                self._emit(frame)

    def _emit(self, frame: LiveFrame) -> None:
        started_ns = time.monotonic_ns()
        self._last = Position(
            self._last.index + 1, self._last.decoded + 1, self._last.damaged, frame.pts, False
        )
        decoded = DecodedFrame(
            frame.image, frame.pts, frame.time_base, frame.duration, frame.captured_ns, self._last
        )
        reason = self._reason_to_drop(frame)
        job = self._stage.job(self._source_id, decoded, started_ns, drop_reason=reason)
        made = self._held.add(job)
        if made.drop_reason is None:
            self._under_way.add(made.index)
        if made.drop_reason is None or self._is_time_to_commit():
            self._heed(self._held.commit(self._lease, self._source_id, self._packed()))

    def _is_time_to_commit(self) -> bool:
        return len(self._held) >= self._place.plan.batch or self._held.age_ns > LONGEST_HOLD_NS

    def _reason_to_drop(self, frame: LiveFrame) -> str | None:
        if frame.age_ns > self._options.max_staleness_ms * 1_000_000:
            return STALE
        if self._under_way.count < self._options.max_in_flight:
            return None
        self._under_way.note(self._place.bus.in_flight(self._lease, self._source_id))
        return BUSY if self._under_way.count >= self._options.max_in_flight else None

    def _show(self, state: State, reason: str = "") -> None:
        """Commit the camera's state if it is a new one, with all that is held."""
        if not self._camera.change(state, reason):
            return
        run, camera = self._place.plan.run, self._camera.as_dict()
        event = camera_event(run.layout.run_id, self._source_id, camera, self._last.index)
        entry = PublicEntry(run.events, {"event": event}, EVENTS_MAXLEN)
        self._heed(self._held.commit(self._lease, self._source_id, self._packed(), [entry]))

    def _heed(self, result: StepResult) -> None:
        self._under_way.note(result.in_flight, self._last.index)
        if result.is_stopping:
            raise StopRequested

    def _packed(self) -> bytes:
        return pack_position(self._last, self._notes())

    def _notes(self) -> dict[str, Any]:
        warnings = self._stage.warnings(self._source_id)
        return {"camera": self._camera.as_dict(), "warnings": warnings}

    def _wait(self, pause_s: float) -> None:
        """Wait for the next try, or until the run is asked to stop.

        Raises:
            StopRequested: it is.
        """
        due_s = time.monotonic() + pause_s
        while (left_s := due_s - time.monotonic()) > 0:
            self._look()
            time.sleep(min(LOOK_EVERY_S, left_s))

    def _look(self) -> None:
        """Show that this worker is alive, though nothing comes; see whether the run is to stop."""
        self._place.beat()
        counters = {f"{PASSED}{self._node.name}": 1}  # a run whose cameras are away is not stuck
        if self._place.bus.step(Step(self._lease, [], counters=counters)).is_stopping:
            raise StopRequested

    def _end(self) -> None:
        if self._held:
            self._held.commit(self._lease, self._source_id, self._packed())
        self._held.end(self._lease, self._source_id, self._last.index, self._packed())


def _give_up() -> None:
    raise NoSlotError
