"""A camera's worker on the bus in memory, without a process and without a camera."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.errors import CameraLostError, CameraRefusedError, CameraSilentError
from streamdet.image import ArrayImage
from streamdet.messages import EndOfStream, FrameMessage, decode
from streamdet.registry import KINDS
from streamdet.sources.live import LiveFrame, LiveOptions
from streamdet.sources.packet_tap import OnPacket
from streamdet.sources.positions import unpack_position
from streamdet.sources.resolve import SourceItem
from streamdet.stages.group import StageGroup
from streamdet.stages.pixels import PixelStore
from streamdet.system.networks import EVERYWHERE, Networks
from streamdet.transport.bus import Commit, Step
from streamdet.transport.memory_bus import MemoryBus
from streamdet.transport.packet_ring import EncodedPacket, RingPlan, read_packets
from streamdet.transport.turns import Share
from streamdet.worker.context import WorkerContext
from streamdet.worker.live_source_worker import BUSY, OTHERS, STALE, LiveSourceWorker
from streamdet.worker.plan import NodePlan
from streamdet.worker.stage_stats import WARNING
from tests.sinks.camera_packets import packet
from tests.toy_run import (
    HW,
    front_plan,
    make_context,
    make_pools,
    run_plan,
    toy_node,
    worker_plan,
)

Event = LiveFrame | EncodedPacket | Exception | Callable[[], None]


def frame(number: int, age_ms: int = 0) -> LiveFrame:
    image = ArrayImage(np.full((*HW, 3), number, np.uint8))
    return LiveFrame(image, number, Fraction(1, 10), 1, 1_000 + number, "host", age_ms * 1_000_000)


class ToyCamera:
    """What comes of each connection: frames and calls in order, then an error."""

    Options = LiveOptions
    pixel_format = "bgr24"
    is_live = True
    connections: Iterator[list[Event]] = iter(())

    def __init__(self, uri: str, options: LiveOptions) -> None:
        pass

    def connect(
        self, on_packet: OnPacket = lambda packet: None, networks: Networks = EVERYWHERE
    ) -> ToyCamera:
        self._on_packet = on_packet
        self._events = next(ToyCamera.connections)
        if isinstance(self._events[0], Exception):
            raise self._events[0]
        return self

    def frames(self) -> Iterator[LiveFrame]:
        for event in self._events:
            if isinstance(event, Exception):
                raise event
            if isinstance(event, LiveFrame):
                yield event
            elif isinstance(event, EncodedPacket):
                self._on_packet(event)
            else:
                event()

    def close(self) -> None:
        pass


class Rig:
    """A run with one camera; `read` has the next stages and the sink take all there is."""

    def __init__(self, folder: Path, slots: int = 8, **options: Any) -> None:
        item = SourceItem("door", "toy:")
        run = run_plan(folder, "door", slots=slots)
        plan = front_plan(run, item)
        camera, prepare = plan.nodes
        node = replace(camera.node, options=LiveOptions(**options))
        self.plan = replace(plan, nodes=(replace(camera, node=node), prepare))
        self.bus = MemoryBus(run.layout)
        self.bus.create()
        self.pools = make_pools(run)
        self.seen: list[tuple[int, str | None]] = []
        self.clocks: list[str] = []

    def watch(self, *connections: list[Event]) -> None:
        """Run the worker over these connections; at the last one's end the run is stopped."""
        ToyCamera.connections = iter([*connections, [self.bus.request_stop, frame(99)]])
        LiveSourceWorker(make_context(self.plan, self.bus, self.pools, lambda: None)).run()

    def read(self) -> None:
        for group in ("detect", "back"):
            lease = self.bus.take_lease(group, f"{group}-0")
            for entry in self.bus.read(lease, 1000, 0):
                message = decode(entry.payload)
                commit = Commit(message.source_id, message.index, entry.id)
                if isinstance(message, EndOfStream):
                    commit = replace(commit, end_payload=entry.payload)
                elif group == "detect":
                    self._see(message)
                    refs = [message.prepared.pixels] if message.prepared else []
                    released = [ref for ref in refs if ref is not None]
                    commit = replace(commit, outputs=[("back", entry.payload)], released=released)
                self.bus.step(Step(lease, [commit]))

    def _see(self, message: FrameMessage) -> None:
        self.seen.append((message.index, message.drop_reason))
        self.clocks.append(message.frame.clock)

    def states(self) -> list[tuple[str, str]]:
        events = [json.loads(entry.fields["event"]) for entry in self.bus.public["events"]]
        return [(event["state"], event["reason"]) for event in events]


@pytest.fixture(autouse=True)
def toy_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS["source"], "toy", f"{__name__}:ToyCamera")


def test_frames_go_on_being_counted_over_connections(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    lost = CameraLostError("the stream ended")
    rig.watch([frame(0), frame(1), lost], [frame(0), rig.read])
    rig.read()
    assert rig.seen == [(0, None), (1, None), (2, None)]
    position, notes = unpack_position(rig.bus.positions()["door"])
    assert (position.index, position.decoded, notes["camera"]["state"]) == (3, 3, "live")
    assert rig.bus.ended_sources("front") == {"door"}


def test_frames_that_were_sampled_away_count_as_decoded(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.watch([frame(0), replace(frame(5), skipped=4), replace(frame(8), skipped=2), rig.read])
    position, _ = unpack_position(rig.bus.positions()["door"])
    assert (position.index, position.decoded) == (3, 9)


def test_a_frame_says_whose_clock_it_has(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.watch([replace(frame(0), clock="camera"), frame(1), rig.read])
    assert rig.clocks == ["camera", "host"]


def test_packets_are_kept_where_the_run_has_rings(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.plan = replace(rig.plan, run=replace(rig.plan.run, rings=RingPlan(tmp_path, 10, 2**20)))
    rig.watch([packet(0), frame(0), packet(1), frame(1), rig.read])
    assert [each.pts for each in read_packets(tmp_path / "door")] == [0, 9000]


def test_images_of_another_size_are_said_once_a_change(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    small = replace(frame(1), image=ArrayImage(np.zeros((2, 3, 3), np.uint8)))
    rig.watch([frame(0), frame(1), small, small, CameraLostError("gone")])
    said = {name: n for name, n in rig.bus.counters().items() if name.startswith(WARNING)}
    assert said == {f"{WARNING}door: its images are 2x3 now, {HW[0]}x{HW[1]} before": 1}


def test_states_are_told_once_a_change(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    away: list[Event] = [CameraLostError("nothing answers")]
    silent = CameraSilentError("no packet for 5 s")
    rig.watch(away, away, [frame(0), silent], [CameraSilentError("nothing answered in 5 s")])
    assert rig.states() == [
        ("connecting", ""),
        ("lost", "nothing answers"),
        ("live", ""),
        ("stalled", "no packet for 5 s"),
        ("lost", "nothing answered in 5 s"),
        ("live", ""),
    ]


def test_frames_above_the_limit_are_dropped_until_a_sink_has_committed_some(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, max_in_flight=2)
    rig.watch([frame(0), frame(1), frame(2), frame(3), rig.read, frame(4)])
    rig.read()
    assert rig.seen[:5] == [(0, None), (1, None), (2, BUSY), (3, BUSY), (4, None)]


def test_a_frame_is_dropped_when_it_is_the_turn_of_other_cameras(tmp_path: Path) -> None:
    rig = Rig(tmp_path, max_in_flight=9)
    rig.plan = replace(rig.plan, share=Share(slots=2))
    rig.watch([frame(0), frame(1), frame(2), rig.read, frame(3)])
    rig.read()
    assert rig.seen[:4] == [(0, None), (1, None), (2, OTHERS), (3, None)]


def test_a_camera_s_own_options_stand_before_its_node_s(tmp_path: Path) -> None:
    rig = Rig(tmp_path, max_in_flight=9)
    item = SourceItem("door", "toy:", LiveOptions(max_in_flight=1))
    rig.plan = replace(rig.plan, items=(item,))
    rig.watch([frame(0), frame(1)])
    rig.read()
    assert rig.seen[:2] == [(0, None), (1, BUSY)]


def test_frames_that_come_too_late_are_dropped(tmp_path: Path) -> None:
    rig = Rig(tmp_path, max_staleness_ms=100)
    rig.watch([frame(0), frame(1, age_ms=101), frame(2, age_ms=99)])
    rig.read()
    assert rig.seen[:3] == [(0, None), (1, STALE), (2, None)]


def test_a_camera_does_not_wait_for_a_slot(tmp_path: Path) -> None:
    rig = Rig(tmp_path, slots=1, max_in_flight=9)
    rig.watch([frame(0), frame(1), rig.read, frame(2)])
    rig.read()
    assert rig.seen[:3] == [(0, None), (1, "busy: no slot was free"), (2, None)]


def test_a_new_worker_goes_on_where_the_old_one_stopped(tmp_path: Path) -> None:
    rig = Rig(tmp_path, max_in_flight=2)
    killed = RuntimeError("killed")
    ToyCamera.connections = iter([[frame(0), frame(1), frame(2), killed]])
    with pytest.raises(RuntimeError):
        LiveSourceWorker(make_context(rig.plan, rig.bus, rig.pools, lambda: None)).run()
    rig.watch([frame(0), rig.read, frame(1)])  # two are still under way at first
    rig.read()
    assert rig.seen[:4] == [(0, None), (1, None), (2, BUSY), (3, None)]


@pytest.mark.parametrize("error", [CameraRefusedError("401"), CameraLostError("gone")])
def test_a_stop_does_not_wait_for_the_next_try(tmp_path: Path, error: Exception) -> None:
    rig = Rig(tmp_path)
    rig.bus.request_stop()
    rig.watch([error])
    assert rig.bus.ended_sources("front") == {"door"}


def test_an_image_that_fits_no_slot_takes_no_index(tmp_path: Path) -> None:
    run = run_plan(tmp_path, "door")
    layout = replace(run.layout, pools={"camera": 4})
    run = replace(run, layout=layout, pools={"camera": run.pools["prepare"]})
    camera = toy_node("camera", "source", items=(SourceItem("door", "toy:"),))
    camera = replace(camera, options=LiveOptions())
    plan = worker_plan(run, "front", [NodePlan(camera, None, ("detect",), 1)])
    bus = MemoryBus(run.layout)
    bus.create()
    large = replace(frame(0), image=ArrayImage(np.zeros((16, 16, 3), np.uint8)))
    gone = CameraLostError("gone")
    ToyCamera.connections = iter([[large], [frame(1), gone], [bus.request_stop, frame(2)]])
    pixels = PixelStore(bus, make_pools(run), lambda: None)
    LiveSourceWorker(WorkerContext(plan, bus, StageGroup([]), pixels, lambda: None)).run()
    assert bus.done_counts("front") == {"door": 1}
    assert unpack_position(bus.positions()["door"])[0].index == 1


def test_a_camera_that_is_removed_says_so_and_ends(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    remove = partial(rig.bus.tell, rig.plan.consumer, "remove it has fallen down")
    ToyCamera.connections = iter([[frame(0), remove, frame(1), frame(2)]])
    LiveSourceWorker(make_context(rig.plan, rig.bus, rig.pools, lambda: None)).run()
    rig.read()
    assert rig.seen == [(0, None), (1, None)]
    assert rig.states()[-1] == ("removed", "it has fallen down")
    assert rig.bus.ended_sources("back") == {"door"}


def test_a_paused_camera_is_not_connected_until_the_order_is_taken_back(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    pause = partial(rig.bus.tell, rig.plan.consumer, "pause painters")
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        rig.bus.tell(rig.plan.consumer, "pause decorators" if len(naps) < 3 else "")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", nap)
        rig.watch([frame(0), pause, frame(1), frame(2)], [frame(0)])
    rig.read()
    assert [index for index, _ in rig.seen] == [0, 1, 2]
    assert rig.states()[:6] == [
        ("connecting", ""),
        ("live", ""),
        ("paused", "painters"),
        ("paused", "decorators"),
        ("connecting", ""),
        ("live", ""),
    ]


def test_a_camera_that_is_restarted_does_not_end(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    restart = partial(rig.bus.tell, rig.plan.consumer, "restart")
    ToyCamera.connections = iter([[frame(0), restart, frame(1), frame(2)]])
    LiveSourceWorker(make_context(rig.plan, rig.bus, rig.pools, lambda: None)).run()
    assert rig.bus.ended_sources("front") == set()
    rig.bus.tell(rig.plan.consumer, "")
    rig.watch([frame(0)])
    rig.read()
    assert [index for index, _ in rig.seen] == [0, 1, 2]
    assert rig.bus.ended_sources("back") == {"door"}
