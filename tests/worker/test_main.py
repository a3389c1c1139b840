"""A stage's worker on the bus in memory, without a process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from streamdet.errors import ConfigError, TransportError
from streamdet.frame import FrameRef
from streamdet.registry import KINDS
from streamdet.sources.resolve import SourceItem
from streamdet.stages.pixels import LOST_PIXELS
from streamdet.transport.array_pool import ArrayPool
from streamdet.transport.bus import Commit, FencedError, RunLostError, Step, StepResult
from streamdet.transport.memory_bus import MemoryBus
from streamdet.worker.committer import RefusedError
from streamdet.worker.main import ended
from streamdet.worker.plan import RunPlan, WorkerPlan
from streamdet.worker.run_files import (
    EXIT_CRASHED,
    EXIT_DONE,
    EXIT_FATAL,
    EXIT_TRANSPORT,
    read_status,
    write_status,
)
from streamdet.worker.source_worker import SourceWorker
from streamdet.worker.stage_worker import StageWorker
from tests import toy_run
from tests.toy_run import (
    STREAM,
    back_plan,
    detect_plan,
    front_plan,
    make_context,
    make_pools,
    run_plan,
)


class Run:
    """A toy run on a bus in memory whose source has done its work."""

    def __init__(self, folder: Path, frames: int) -> None:
        self.plan: RunPlan = run_plan(folder, slots=2 * frames)
        self.bus = MemoryBus(self.plan.layout)
        self.bus.create()
        self.pools = make_pools(self.plan)
        plan = front_plan(self.plan, SourceItem("cam", f"toy:{frames}"))
        SourceWorker(make_context(plan, self.bus, self.pools, lambda: None)).run()

    def worker(self, plan: WorkerPlan, beat: Callable[[], None] = lambda: None) -> StageWorker:
        made = StageWorker(make_context(plan, self.bus, self.pools, beat))
        made.attach()
        return made

    def published(self) -> list[tuple[int, list[int]]]:
        """Frame id -> track ids, as they were published."""
        found = [json.loads(entry.fields["metadata"]) for entry in self.bus.public[STREAM]]
        return [(m["frame_id"], [o["id"] for o in m.get("objects", ())]) for m in found]


@pytest.fixture(autouse=True)
def toy_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS["source"], "toy", toy_run.KIND)


def test_order_is_restored_behind_replicas_that_overtake_each_other(tmp_path: Path) -> None:
    run = Run(tmp_path, frames=6)
    first, second = (run.worker(detect_plan(run.plan, replica)) for replica in (0, 1))
    back = run.worker(back_plan(run.plan))
    first._reader._admit(first._intake.read(2, 0))  # takes 0 and 1, and is slow
    second.advance()
    back.advance()
    assert run.published() == []
    first.advance()
    second.advance()
    for _ in range(3):
        back.advance()
    assert run.published() == [(index, [index + 1]) for index in range(6)]


def test_a_run_ends_when_the_end_has_come_through(tmp_path: Path) -> None:
    run = Run(tmp_path, frames=3)
    for plan in (detect_plan(run.plan), back_plan(run.plan)):
        assert run.bus.finished() == 0
        StageWorker(make_context(plan, run.bus, run.pools, lambda: None)).run()
    assert run.bus.finished() == 1
    assert run.published() == [(0, [1]), (1, [2]), (2, [3])]


def test_frames_whose_pixels_are_gone_travel_on_as_dropped(tmp_path: Path) -> None:
    run = Run(tmp_path, frames=2)
    run.pools["prepare"].claim(FrameRef("prepare", 0, 99), (8, 8))
    run.worker(detect_plan(run.plan)).advance()
    run.worker(back_plan(run.plan)).advance()
    assert run.bus.drops() == {("back", "cam", LOST_PIXELS): 1}
    assert run.published() == [(0, []), (1, [2])]


def test_a_killed_tracker_goes_on_with_its_ids(tmp_path: Path) -> None:
    run = Run(tmp_path, frames=6)
    detect = run.worker(detect_plan(run.plan))
    while detect.advance() is False:
        pass
    run.worker(back_plan(run.plan)).advance()
    killed = run.worker(back_plan(run.plan))
    killed._reader.next_batch()  # and dies before its step
    back = run.worker(back_plan(run.plan))
    for _ in range(3):
        back.advance()
    assert run.published() == [(index, [index + 1]) for index in range(6)]


def test_slots_come_back_when_they_have_been_read(tmp_path: Path) -> None:
    run = Run(tmp_path, frames=2)
    front = run.bus.take_lease("front", "front-0")
    assert len(run.bus.take_slots(front, "prepare", 9, 0)) == 2
    run.worker(detect_plan(run.plan)).advance()
    assert len(run.bus.take_slots(front, "prepare", 9, 0)) == 2


def test_a_worker_that_was_replaced_can_commit_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path, frames=2)
    stale = run.worker(detect_plan(run.plan))
    run.worker(detect_plan(run.plan))
    with pytest.raises(FencedError):
        stale.advance()


def test_a_step_with_stale_states_stops_the_worker(tmp_path: Path) -> None:
    run = Run(tmp_path, frames=2)
    run.worker(detect_plan(run.plan)).advance()
    back = run.worker(back_plan(run.plan))
    (taken,) = back._intake.read(1, 0)
    back._reader._admit([taken])
    run.bus.step(Step(back._lease, [Commit("cam", 0, taken.entry_id)]))  # committed behind its back
    with pytest.raises(RefusedError, match="a step of back-0 was refused: its states are stale"):
        back.advance()


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (RunLostError("keys gone"), EXIT_FATAL, "keys gone"),
        (TransportError("no answer"), EXIT_TRANSPORT, "no answer"),
        (ConfigError("cannot write"), EXIT_FATAL, "cannot write"),
        (ZeroDivisionError("oh"), EXIT_CRASHED, "ZeroDivisionError: oh"),
        (None, EXIT_DONE, None),
    ],
)
def test_a_worker_says_how_it_ended(
    tmp_path: Path, error: Exception | None, code: int, sentence: str | None
) -> None:
    def work() -> None:
        if error is not None:
            raise error

    plan = back_plan(run_plan(tmp_path))
    assert ended(plan, work) == code
    assert read_status(tmp_path, plan.consumer).get("failure") == sentence
    has_traceback = (tmp_path / "back-0.traceback").exists()
    assert has_traceback == (code == EXIT_CRASHED)


def test_status_is_added_to_and_never_half_written(tmp_path: Path) -> None:
    plan = back_plan(run_plan(tmp_path))
    write_status(tmp_path, plan.consumer, runtimes={"detect": "toy"})
    write_status(tmp_path, plan.consumer, failure="no")
    assert read_status(tmp_path, "back-0") == {"runtimes": {"detect": "toy"}, "failure": "no"}
    assert [path.name for path in tmp_path.iterdir()] == ["back-0.json"]
    assert read_status(tmp_path, "nobody") == {}


class LatePool(ArrayPool):
    """As a pool in a GPU: what is written is there only once it has settled."""

    late: set[FrameRef]

    def written(self, ref: FrameRef) -> None:
        self.late.add(ref)

    def settle(self) -> None:
        self.late.clear()


class WatchingBus(MemoryBus):
    """Notes how many images were not there yet when a step was committed, and how many frames."""

    pool: LatePool
    steps: list[tuple[int, int]]

    def step(self, step: Step) -> StepResult:
        filled = sum(len(commit.filled) for commit in step.commits)
        self.steps.append((filled, len(self.pool.late)))
        return super().step(step)


def test_no_frame_is_committed_before_its_image_is_there(tmp_path: Path) -> None:
    plan = run_plan(tmp_path, slots=6)
    pool = LatePool.in_memory(6, toy_run.SLOT_BYTES)
    assert isinstance(pool, LatePool)
    bus = WatchingBus(plan.layout)
    pool.late, bus.pool, bus.steps = set(), pool, []
    bus.create()
    front = front_plan(plan, SourceItem("cam", "toy:3"))
    SourceWorker(make_context(front, bus, {"prepare": pool}, lambda: None)).run()
    assert sum(filled for filled, _ in bus.steps) == 3
    assert [late for _, late in bus.steps] == [0] * len(bus.steps)
