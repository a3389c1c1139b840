"""The worker of one camera: connects and reconnects, emits its frames, drops those that are late.

A live source never waits for the pipeline, and never ends by itself: it is told to, see
camera_orders.py. A frame is committed as dropped, with the reason, if it is too old, if it comes
while `max_in_flight` frames of its camera are in flight or when it is the turn of other cameras
(see transport/turns.py), or if it finds no free slot: every frame that the camera sent is counted.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any, Final

from streamdet.errors import CameraRefusedError, CameraSilentError, SourceError
from streamdet.formats.event_json import State, camera_event
from streamdet.formats.recording_events import recording_event
from streamdet.registry import load
from streamdet.sources import DecodedFrame, Position
from streamdet.sources.live import LiveConnection, LiveFrame, LiveOptions, LiveSource
from streamdet.sources.positions import pack_position, unpack_position
from streamdet.sources.resolve import SourceItem
from streamdet.stages.pixels import NoSlotError
from streamdet.stages.preview import PreviewTap
from streamdet.stages.source import SourceStage
from streamdet.transport.bus import PublicEntry, Step, StepResult, event_entry
from streamdet.transport.packet_ring import RingWriter
from streamdet.transport.turns import Turn
from streamdet.worker.camera_orders import CameraOrder, OrderedError, read_order
from streamdet.worker.camera_state import CameraState, Pauses
from streamdet.worker.context import WorkerContext
from streamdet.worker.held_frames import HeldFrames
from streamdet.worker.source_worker import StopRequested
from streamdet.worker.stage_stats import SKIPPED

STALE: Final = "stale: the frame came too late"
BUSY: Final = "busy: enough frames of its source were under way"
OTHERS: Final = "busy: it was the turn of other cameras"

WANTED: Final = 0.5
"""Frames shall be through after this part of the time after which they are dropped."""
LONGEST_INTERVAL_MS: Final = 2000.0
"""For a camera whose frames come more rarely no place is kept until its next one."""
SPARE_MS: Final = 100.0
"""The next frame may be so late."""

LONGEST_HOLD_NS: Final = 250_000_000
"""Longest wait of dropped frames for one that is not dropped, to be committed with it."""
STOP_CHECK_S: Final = 0.25
"""While a camera is away, the bus is asked this often whether the run is to stop."""


class LiveSourceWorker:
    """Emits the frames of one camera.

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
        self._has_sinks = any(each.node.role == "sink" for each in plan.nodes)
        self._held = HeldFrames(context)
        self._public: list[PublicEntry] = []
        self._camera = CameraState()
        self._hw: tuple[int, int] | None = None
        self._lost, self._refused = Pauses(0.5, 2.0), Pauses(5.0, 30.0)

    def run(self) -> None:
        """Read the camera until the run is asked to stop, or to do without this camera.

        Raises:
            TransportError: see the note "Begin again" in main.py.
        """
        self._lease = self._context.take_over()
        self._context.pixels.slot_wait_s = 0.0
        self._context.pixels.on_wait = _give_up
        ended = self._context.bus.ended_sources(self._context.plan.group)
        [item] = self._context.plan.items
        if item.source_id not in ended:
            self._read(item)
        self._context.group.close()

    def _read(self, item: SourceItem) -> None:
        self._source_id = item.source_id
        bus = self._context.bus
        self._last, _ = unpack_position(bus.positions().get(item.source_id))
        options = item.options or self._node.options
        assert isinstance(options, LiveOptions)
        self._options = options
        rings = self._context.plan.run.rings
        self._ring = (
            None if rings is None else RingWriter(rings, item.source_id, self._on_ring_problem)
        )
        source: LiveSource = load("source", self._node.kind)(item.uri, options)
        try:
            while True:
                self._watch(source)
        except StopRequested:
            self._end()
        except OrderedError as exc:
            if exc.order.verb == "remove":
                self._end(exc.order.reason)
            else:
                self._held.commit(self._lease, self._source_id, self._packed())

    def _watch(self, source: LiveSource) -> None:
        """Read the camera until this is paused, then wait until it is not."""
        try:
            self._set_state("connecting")
            while True:
                self._check_stop()
                self._wait(self._attempt(source))
        except OrderedError as exc:
            if exc.order.verb != "pause":
                raise
            self._pause(exc.order)

    def _pause(self, order: CameraOrder | None) -> None:
        while order is not None:
            self._set_state("paused", order.reason)
            time.sleep(STOP_CHECK_S)
            order = self._check_stop()

    def _attempt(self, source: LiveSource) -> float:
        """Emit frames until the connection fails; returns the pause before the next, seconds."""
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
        self._set_state(state, reason)
        return pauses.next_s()

    def _emit_all(self, source: LiveSource) -> None:
        with closing(self._connect(source)) as connection:
            for frame in connection.frames():
                self._context.beat()
                self._set_state("live")
                self._lost.reset()
                self._refused.reset()
                self._emit(frame)

    def _connect(self, source: LiveSource) -> LiveConnection:
        plan = self._context.plan
        networks = plan.run.networks(plan.items[0])
        if self._ring is None:
            return source.connect(networks=networks)
        self._ring.end_connection()
        return source.connect(self._ring.add, networks)

    def _on_ring_problem(self, problem: str) -> None:
        """Say that packets cannot be kept, or (no problem) are kept again, with the next step."""
        run, name = self._context.plan.run, self._source_id
        event = recording_event(run.layout.run_id, name, problem, time.time_ns())
        self._public.append(event_entry(run.events, event))
        if problem:
            warning = f"{name}: {problem}; it has no clips until there is room"
            self._context.group.warnings.append(warning)

    def _note_size(self, hw: tuple[int, int]) -> None:
        """Say that the camera sends images of another size; their slots grow if they must."""
        if self._hw not in (None, hw):
            before, now = ("x".join(map(str, each)) for each in (self._hw, hw))
            self._context.group.warnings.append(
                f"{self._source_id}: its images are {now} now, {before} before"
            )
        self._hw = hw

    def _emit(self, frame: LiveFrame) -> None:
        self._note_size(frame.image.hw)
        started_ns = time.monotonic_ns()
        last = self._last
        decoded = last.decoded + frame.skipped + 1
        position = Position(last.index + 1, decoded, last.damaged, frame.pts, False)
        taken = DecodedFrame(
            image=frame.image,
            pts=frame.pts,
            time_base=frame.time_base,
            duration=frame.duration,
            captured_ns=frame.captured_ns,
            position=position,
            clock=frame.clock,
        )
        reason = self._reason_to_drop(frame)
        job = self._stage.job(self._source_id, taken, started_ns, drop_reason=reason)
        made = self._held.add(job)
        self._last = position  # not before: a frame whose image fits no slot gets no index
        if made.drop_reason is None or self._is_time_to_commit():
            self._commit()

    def _commit(self, *entries: PublicEntry) -> None:
        public = [*self._public, *entries]
        self._public.clear()
        self._obey(self._held.commit(self._lease, self._source_id, self._packed(), public))

    def _is_time_to_commit(self) -> bool:
        return len(self._held) >= self._context.plan.batch or self._held.age_ns > LONGEST_HOLD_NS

    def _reason_to_drop(self, frame: LiveFrame) -> str | None:
        if frame.age_ns > self._options.max_staleness_ms * 1_000_000:
            return STALE
        interval_ms = float(1000 * frame.duration * frame.time_base)
        turn = Turn(
            self._source_id,
            self._last.index,
            self._options.max_in_flight,
            WANTED * self._options.max_staleness_ms,
            2 * min(interval_ms, LONGEST_INTERVAL_MS) + SPARE_MS,
            time.monotonic() * 1000,
        )
        answer = self._context.bus.take_turn(self._lease, self._context.plan.share, turn)
        return {"go": None, "own": BUSY, "others": OTHERS}[answer]

    def _set_state(self, state: State, reason: str = "") -> None:
        """Commit the camera's state if it has changed, together with the held frames."""
        if not self._camera.change(state, reason):
            return
        self._commit(self._event())

    def _event(self) -> PublicEntry:
        run, camera = self._context.plan.run, self._camera.as_dict()
        event = camera_event(run.layout.run_id, self._source_id, camera, self._last.index)
        return event_entry(run.events, event)

    def _obey(self, result: StepResult) -> CameraOrder | None:
        """Return the order to pause while this is paused; any other ends what is being done.

        Raises:
            StopRequested: the run has been asked to stop.
            OrderedError: there is an order.
        """
        if result.is_stopping:
            raise StopRequested
        order = read_order(result.order)
        is_obeyed = order is None or (order.verb == "pause" and self._camera.state == "paused")
        if order is not None and not is_obeyed:
            raise OrderedError(order)
        return order

    def _packed(self) -> bytes:
        return pack_position(self._last, self._notes())

    def _notes(self) -> dict[str, Any]:
        warnings = self._stage.warnings(self._source_id)
        return {"camera": self._camera.as_dict(), "warnings": warnings}

    def _wait(self, pause_s: float) -> None:
        """Wait for the next attempt, or until the run is asked to stop.

        Raises:
            StopRequested: the run has been asked to stop.
        """
        due_s = time.monotonic() + pause_s
        while (left_s := due_s - time.monotonic()) > 0:
            self._check_stop()
            time.sleep(min(STOP_CHECK_S, left_s))

    def _check_stop(self) -> CameraOrder | None:
        """Show that this worker is alive, though no frame comes; see `_obey`."""
        self._context.beat()
        if self._has_sinks:  # they may have something to say
            self._commit()
        counters = {f"{SKIPPED}{self._node.name}": 1}  # counts as progress while a camera is away
        return self._obey(self._context.bus.step(Step(self._lease, [], counters=counters)))

    def _end(self, reason_to_remove: str = "") -> None:
        if self._held:
            self._held.commit(self._lease, self._source_id, self._packed())
        public = []
        if reason_to_remove and self._camera.change("removed", reason_to_remove):
            public.append(self._event())
        self._held.end(self._lease, self._source_id, self._last.index, self._packed(), public)


def _give_up() -> None:
    raise NoSlotError
