"""Any order of events, any crash: every frame once, in order, with the same track ids.

The workers of a toy run take turns at random on the bus in memory. Before and after each call on
the bus a worker may be killed; the next one of its name attaches.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.registry import KINDS
from streamdet.sinks import SinkContext
from streamdet.sinks.jsonl import JsonlOptions, JsonlSink
from streamdet.sources.resolve import SourceItem
from streamdet.stages.group import StageGroup
from streamdet.transport.bus import Bus
from streamdet.transport.memory_bus import MemoryBus
from streamdet.worker.plan import WorkerPlan
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

FRAMES = {"a": 9, "b": 5, "c": 4}


def nothing() -> None:
    """Nobody watches these workers."""


class Killed(BaseException):
    """What SIGKILL is here."""


class DeadlyBus:
    """A bus whose callers may die before or after each call."""

    def __init__(self, bus: MemoryBus, rng: Random, deaths: list[int]) -> None:
        self._bus, self._chance, self._deaths = bus, rng, deaths

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._bus, name)

        def deadly(*args: Any, **kwargs: Any) -> Any:
            self._perhaps_die()
            result = call(*args, **kwargs)
            self._perhaps_die()
            return result

        return deadly

    def _perhaps_die(self) -> None:
        if self._deaths[0] > 0 and self._chance.random() < 0.05:
            self._deaths[0] -= 1
            raise Killed


class Run:
    """The processes of a toy run, one step of one of them at a time."""

    def __init__(self, folder: Path, rng: Random, deaths: int) -> None:
        self.rng = rng
        plan = run_plan(folder, *FRAMES)
        items = [SourceItem(name, f"toy:{count}") for name, count in FRAMES.items()]
        front = front_plan(plan, *items)
        self.fronts = [replace(front, consumer=f"front-{number}") for number in range(2)]
        self.others = [detect_plan(plan, 0), detect_plan(plan, 1), back_plan(plan)]
        self.memory = MemoryBus(plan.layout)
        self.memory.create()
        self.bus = cast(Bus, DeadlyBus(self.memory, rng, [deaths]))
        self.pools = make_pools(plan)
        self.file = folder / "out.jsonl"
        self.turns = 0
        self.alive: dict[str, tuple[StageWorker, StageGroup]] = {}

    def go(self) -> None:
        """Run to the end."""
        while self.memory.ended_sources("front") != set(FRAMES):
            self.reading = self.rng.choice(self.fronts)
            self.read_sources(self.reading, self.somebody)
        while self.memory.finished() < len(FRAMES):
            self.anyone_else()

    def read_sources(self, plan: WorkerPlan, beat: Callable[[], None]) -> None:
        """Have a worker read what it can, until it is killed."""
        try:
            SourceWorker(make_context(plan, self.bus, self.pools, beat)).run()
        except Killed:
            return

    def somebody(self) -> None:
        """While a source's worker is at a frame, let the other read its sources, or others work."""
        (other,) = (plan for plan in self.fronts if plan is not self.reading)
        if self.rng.random() < 0.1:
            self.read_sources(other, self.anyone_else)
        self.anyone_else()

    def anyone_else(self) -> None:
        """Let some of the other workers do something."""
        self.turns += 1
        assert self.turns < 10_000, "the run does not end"
        for _ in range(self.rng.randrange(4)):
            plan = self.rng.choice(self.others)
            try:
                self.worker(plan).advance()
            except Killed:
                self.bury(plan)

    def worker(self, plan: WorkerPlan) -> StageWorker:
        if plan.consumer not in self.alive:
            context = SinkContext("run", plan.run.source_names, plan.run.class_names)
            sink = JsonlSink(JsonlOptions(path=self.file), context)
            place = make_context(plan, self.bus, self.pools, nothing, sink)
            worker = StageWorker(place)
            self.alive[plan.consumer] = worker, place.group
            worker.attach()
        return self.alive[plan.consumer][0]

    def bury(self, plan: WorkerPlan) -> None:
        """Close the files of a dead process, as the kernel does."""
        _, group = self.alive.pop(plan.consumer)
        group.close()  # writes nothing


def results(lines: list[bytes]) -> dict[str, list[tuple[int, list[int]]]]:
    found = [json.loads(line) for line in lines]
    return {
        name: [
            (m["frame_id"], [o["id"] for o in m["objects"]])
            for m in found
            if m["source_id"] == name
        ]
        for name in FRAMES
    }


@pytest.fixture(scope="module", autouse=True)
def toy_kind() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(KINDS["source"], "toy", toy_run.KIND)
        patch.setattr(time, "sleep", lambda seconds: None)
        yield


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), deaths=st.integers(0, 40))
def test_every_frame_comes_once_in_order_with_the_same_ids(seed: int, deaths: int) -> None:
    with TemporaryDirectory() as folder:
        run = Run(Path(folder), Random(seed), deaths)
        run.go()
        for plan in run.others:
            if plan.consumer in run.alive:
                run.bury(plan)
        expected = {name: [(i, [i + 1]) for i in range(n)] for name, n in FRAMES.items()}
        assert (
            results([entry.fields["metadata"] for entry in run.memory.public[STREAM]]) == expected
        )
        committed = run.memory.states("output")
        JsonlSink(JsonlOptions(path=run.file), SinkContext("run", {}, {})).restore(committed)
        assert results(run.file.read_bytes().splitlines()) == expected
        assert run.memory.drops() == {}
        for plan in run.fronts:
            front = run.memory.take_lease("front", plan.consumer)
            run.memory.return_slots(front, "prepare")
        assert len(run.memory.take_slots(front, "prepare", 9, 0)) == 4  # no slot is lost
