"""A source's worker on the bus in memory, without a process."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from streamdet.messages import EndOfStream, FrameMessage, decode
from streamdet.registry import KINDS
from streamdet.sources import Position
from streamdet.sources.positions import unpack_position
from streamdet.sources.resolve import SourceItem
from streamdet.stages.group import StageGroup
from streamdet.stages.pixels import PixelStore
from streamdet.transport.bus import Commit, Step
from streamdet.transport.memory_bus import MemoryBus
from streamdet.worker.context import WorkerContext
from streamdet.worker.plan import NodePlan
from streamdet.worker.run_files import begun
from streamdet.worker.source_worker import SourceWorker
from tests import toy_run
from tests.toy_run import (
    front_plan,
    make_context,
    make_pools,
    run_plan,
    toy_node,
    worker_plan,
)


@pytest.fixture(autouse=True)
def toy_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS["source"], "toy", toy_run.KIND)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


@pytest.fixture
def slow_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute goes by between any two looks at the clock."""
    minutes = itertools.count()
    monkeypatch.setattr(time, "monotonic_ns", lambda: next(minutes) * 60_000_000_000)


class Run:
    """A source's run; `read` has the next stage take all there is, and give the slots back."""

    def __init__(
        self, folder: Path, *uris: str, slots: int = 64, max_in_flight: int = 1000
    ) -> None:
        self.items = [SourceItem(f"s{number}", uri) for number, uri in enumerate(uris)]
        names = [item.source_id for item in self.items]
        run = run_plan(folder, *names, slots=slots, max_in_flight=max_in_flight)
        self.plan = front_plan(run, *self.items)
        self.bus = MemoryBus(self.plan.run.layout)
        self.bus.create()
        self.pools = make_pools(self.plan.run)
        self.seen: list[tuple[str, int]] = []

    def worker(self, beat: Callable[[], None] = lambda: None, replica: int = 0) -> SourceWorker:
        plan = replace(self.plan, consumer=f"front-{replica}")
        return SourceWorker(make_context(plan, self.bus, self.pools, beat))

    def read(self) -> None:
        lease = self.bus.take_lease("detect", "detect-0")
        for entry in self.bus.read(lease, 1000, 0):
            message = decode(entry.payload)
            commit = Commit(message.source_id, message.index, entry.id)
            if isinstance(message, FrameMessage):
                assert message.prepared is not None
                assert message.prepared.pixels is not None
                commit = replace(commit, released=[message.prepared.pixels])
                self.seen.append((message.source_id, message.index))
            else:
                assert isinstance(message, EndOfStream)
                self.seen.append((message.source_id, -message.index))
                commit = replace(commit, end_payload=b"")
            self.bus.step(Step(lease, [commit]))

    def position(self, source_id: str = "s0") -> tuple[Position, dict[str, object]]:
        return unpack_position(self.bus.positions()[source_id])


def test_every_frame_of_every_item_is_emitted_then_its_end(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:3", "toy:0", "toy:1")
    run.worker(run.read).run()
    run.read()
    expected = [("s0", 0), ("s0", 1), ("s0", 2), ("s0", -3), ("s1", 0), ("s2", 0), ("s2", -1)]
    assert run.seen == expected
    assert run.bus.ended_sources("front") == {"s0", "s1", "s2"}


def test_the_position_says_how_the_source_ended(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:2", "toy:1!")
    run.worker().run()
    well, broken = run.position("s0"), run.position("s1")
    notes = {"error": None, "warnings": ["it is a toy"], "is_stopped": False}
    assert well == (Position(2, 2, pts=1), notes)
    assert (broken[0].index, broken[1]["error"]) == (1, "toy: broken")


def test_a_file_that_wants_too_much_memory_is_given_up_and_the_next_one_read(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path, "toy:2*", "toy:1")
    run.worker().run()
    run.read()
    assert run.position("s0")[1]["error"] == (
        "toy: reading it needs more memory (decoder_mib in the deploy file is 4096)"
    )
    assert run.seen == [("s0", 0), ("s0", 1), ("s0", -2), ("s1", 0), ("s1", -1)]


def test_a_file_on_which_the_process_ends_again_and_again_is_given_up(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:3", "toy:1")
    run.plan = replace(run.plan, run=replace(run.plan.run, read_attempts=2))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="killed"):
            run.worker(kill).run()
    run.worker().run()
    run.read()
    assert run.position("s0")[1]["error"] == "toy: reading it ended the process 2 times in a row"
    assert run.seen == [("s0", 0), ("s1", 0), ("s1", -1)]


def kill() -> None:
    raise RuntimeError("killed")


def test_attempts_are_counted_for_one_place_of_one_source(tmp_path: Path) -> None:
    places = [("a", 0), ("a", 0), ("a", 5), ("a", 5), ("b", 5), ("b", 5), ("b", 5)]
    counts = [begun(tmp_path, "front-0", *place) for place in places]
    assert counts == [1, 2, 1, 2, 1, 2, 3]
    assert begun(tmp_path, "front-1", "b", 5) == 1


def test_images_that_fit_no_slot_are_told_with_the_source_s_own_warnings(tmp_path: Path) -> None:
    run = run_plan(tmp_path, "s0")
    layout = replace(run.layout, pools={"camera": 4})
    run = replace(run, layout=layout, pools={"camera": run.pools["prepare"]})
    camera = toy_node("camera", "source", items=(SourceItem("s0", "toy:2+"),))
    plan = worker_plan(run, "front", [NodePlan(camera, None, ("detect",), 1)])
    bus = MemoryBus(run.layout)
    bus.create()
    pixels = PixelStore(bus, make_pools(run), lambda: None)
    SourceWorker(WorkerContext(plan, bus, StageGroup([]), pixels, lambda: None)).run()
    own, large = unpack_position(bus.positions()["s0"])[1]["warnings"]
    assert own == "it is a toy"
    assert large.startswith("s0: an image of 16x16 (256 pixels) does not fit the slots of camera")


def test_a_source_that_breaks_does_not_stop_the_next_one(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:1!", "toy:1")
    run.worker().run()
    run.read()
    assert run.seen == [("s0", 0), ("s0", -1), ("s1", 0), ("s1", -1)]


def test_a_source_waits_while_too_many_of_its_frames_are_under_way(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:20", max_in_flight=3)  # no sink ever commits one
    beats = iter(range(200))

    def give_up() -> None:
        if next(beats, None) is None:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run.worker(give_up).run()
    assert run.position()[0].index == 4  # steps of two frames: the second one is too many


def test_a_source_goes_on_behind_its_last_committed_frame(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:7")
    beats = 0

    def die_later() -> None:
        nonlocal beats
        beats += 1
        if beats == 6:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run.worker(die_later).run()
    committed = run.position()[0].index
    assert 0 < committed < 7
    run.worker(run.read).run()
    run.read()
    assert run.seen == [*(("s0", index) for index in range(7)), ("s0", -7)]


def test_a_source_that_has_ended_is_not_read_again(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:2")
    run.worker().run()
    run.worker().run()
    run.read()
    assert run.seen == [("s0", 0), ("s0", 1), ("s0", -2)]


def test_of_several_workers_each_reads_what_no_other_has_begun(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:3", "toy:1", "toy:2")
    other = run.worker(replica=1)
    beats = 0

    def let_the_other_work_at_the_second_frame() -> None:
        nonlocal beats
        beats += 1
        if beats == 2:
            other.run()

    run.worker(let_the_other_work_at_the_second_frame).run()
    run.read()
    assert run.seen == [
        *(("s1", 0), ("s1", -1), ("s2", 0), ("s2", 1), ("s2", -2)),
        *(("s0", 0), ("s0", 1), ("s0", 2), ("s0", -3)),
    ]


def test_what_a_dead_worker_has_begun_is_finished_by_the_next_one_of_its_name(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path, "toy:5", "toy:2")
    beats = 0

    def die_later() -> None:
        nonlocal beats
        beats += 1
        if beats == 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run.worker(die_later).run()
    run.worker(replica=1).run()
    assert run.bus.ended_sources("front") == {"s1"}
    run.worker(run.read).run()
    run.read()
    assert [frame for frame in run.seen if frame[0] == "s0"] == [
        *(("s0", index) for index in range(5)),
        ("s0", -5),
    ]


def test_a_stop_request_ends_what_no_worker_has_begun(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:9", "toy:9", "toy:9")
    run.bus.request_stop()
    run.worker(replica=1).run()
    run.worker().run()
    run.read()
    assert run.seen == [("s0", 0), ("s1", 0), ("s2", 0)]


def test_fewer_slots_than_a_batch_are_enough(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:9", slots=4)
    run.worker(run.read).run()  # would wait for itself for ever if it held more than it may
    run.read()
    assert len(run.seen) == 10


@pytest.mark.usefixtures("slow_clock")
def test_a_frame_is_not_kept_back_for_long(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:2")
    lengths: list[int] = []
    run.plan = replace(run.plan, batch=100)
    run.worker(lambda: lengths.append(run.bus.done_counts("front").get("s0", 0))).run()
    assert lengths[:2] == [0, 1]


def test_a_stop_request_ends_the_source_early_and_in_order(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:100", "toy:5")
    beats = 0

    def stop_later() -> None:
        nonlocal beats
        beats += 1
        if beats == 5:
            run.bus.request_stop()
        run.read()

    run.worker(stop_later).run()
    run.read()
    count = run.position()[0].index
    assert 4 <= count < 10
    assert run.seen == [*(("s0", index) for index in range(count)), ("s0", -count), ("s1", 0)]


def test_a_frame_that_waits_for_a_slot_is_finished_before_the_source_stops(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:100", slots=2)
    beats = 0

    def nobody_reads_for_a_while() -> None:
        nonlocal beats
        beats += 1
        if beats == 20:
            run.bus.request_stop()
            run.read()

    run.worker(nobody_reads_for_a_while).run()
    run.read()
    count = run.position()[0].index
    assert run.seen == [*(("s0", index) for index in range(count)), ("s0", -count)]
    assert 3 <= count <= 4


@pytest.mark.usefixtures("slow_clock")
def test_a_source_that_passes_over_frames_beats_and_stops(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:1000?")
    beats = 0

    def stop_later() -> None:
        nonlocal beats
        beats += 1
        if beats == 5:
            run.bus.request_stop()

    run.worker(stop_later).run()
    assert (beats, run.position()[0]) == (5, Position(0, 5))


def test_a_stop_request_before_the_start_leaves_only_the_end(tmp_path: Path) -> None:
    run = Run(tmp_path, "toy:100")
    run.bus.request_stop()
    run.worker().run()
    run.read()
    assert run.seen == [("s0", 0)]
