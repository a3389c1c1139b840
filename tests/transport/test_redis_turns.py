"""turn.lua answers as turns.py does, whatever the cameras and the sinks do."""

from __future__ import annotations

import random
from uuid import uuid4

import pytest

from streamdet.errors import TransportError
from streamdet.transport.bus import Bus, Commit, GroupLayout, Lease, RunLayout, Step
from streamdet.transport.connection import connect
from streamdet.transport.memory_bus import MemoryBus
from streamdet.transport.redis_bus import RedisBus
from streamdet.transport.turns import Answer, Share, Turn
from tests.redis_server import RedisServer

SHARE = Share("front", slots=6, least=2)
INTERVALS_MS = {"fast": 20.0, "slow": 300.0, "yard": 50.0, "door": 50.0}


def layout() -> RunLayout:
    groups = {
        "front": GroupLayout(("back", "side"), sinks_downstream=("back", "side")),
        "back": GroupLayout(has_sink=True),
        "side": GroupLayout(has_sink=True),
    }
    return RunLayout(uuid4().hex, groups, {})


class Play:
    """The same cameras and sinks on one bus, by the same dice as on the other."""

    def __init__(self, bus: Bus, seed: int) -> None:
        self._bus = bus
        self._dice = random.Random(seed)
        self._front = bus.take_lease("front", "front-0")
        self._sinks = [bus.take_lease(name, f"{name}-0") for name in ("back", "side")]
        self._emitted = dict.fromkeys(INTERVALS_MS, 0)

    def answers(self, frames: int) -> list[tuple[str, Answer]]:
        now_ms, given = 1000.0, []
        for _ in range(frames):
            now_ms += self._dice.uniform(0, 20)
            name = self._dice.choices(
                list(INTERVALS_MS), [1 / each for each in INTERVALS_MS.values()]
            )[0]
            given.append((name, self._frame(name, now_ms)))
            for sink in self._sinks:
                if self._dice.random() < 0.6:
                    self._take(sink)
        return given

    def _frame(self, name: str, now_ms: float) -> Answer:
        index, interval_ms = self._emitted[name], INTERVALS_MS[name]
        turn = Turn(name, index, 3, 120.0, 2 * interval_ms + 10, now_ms)
        answer = self._bus.take_turn(self._front, SHARE, turn)
        if self._dice.random() < 0.97:  # or it is killed before it commits
            outputs = (
                [(sink.group, name.encode()) for sink in self._sinks] if answer == "go" else []
            )
            commit = Commit(name, index, outputs=outputs)
            self._bus.step(Step(self._front, [commit], positions={name: b""}))
            self._emitted[name] += 1
            if not outputs:
                self._pass_on(name)
        return answer

    def _pass_on(self, name: str) -> None:
        """A dropped frame is committed by the sinks, too; here at once."""
        for sink in self._sinks:
            self._bus.step(Step(sink, [Commit(name, 0)]))

    def _take(self, sink: Lease) -> None:
        for entry in self._bus.read(sink, 1, 0):
            self._bus.step(Step(sink, [Commit(entry.payload.decode(), 0, entry.id)]))


@pytest.mark.parametrize("seed", range(4))
def test_redis_answers_cameras_as_the_rules_do(redis_server: RedisServer, seed: int) -> None:
    run = layout()
    redis, memory = RedisBus(connect(redis_server.url), run), MemoryBus(run)
    for bus in (redis, memory):
        bus.create()
    by_redis, by_rules = (Play(bus, seed).answers(400) for bus in (redis, memory))
    redis.delete()
    redis.close()
    assert by_redis == by_rules
    assert {answer for _, answer in by_rules} == {"go", "own", "others"}


def test_a_camera_of_a_run_that_is_gone_is_told(redis_server: RedisServer) -> None:
    bus = RedisBus(connect(redis_server.url), layout())
    with pytest.raises(TransportError, match="keys are gone"):
        bus.take_turn(Lease("front", "front-0", 1), SHARE, Turn("door", 0, 3, 500, 300, 0))
    bus.close()
