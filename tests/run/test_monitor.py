"""The time between start and end of a run: an in-memory bus, scripted workers, real decisions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamdet.config.deploy import DeploySettings
from streamdet.errors import EngineError, TransportError
from streamdet.run.accounting import Accounting
from streamdet.run.description import SourceDescription
from streamdet.run.monitor import Metrics, Monitor
from streamdet.transport.bus import Commit, GroupLayout, RunLayout, Step
from streamdet.transport.memory_bus import MemoryBus

SETTINGS = DeploySettings(drain_s=5, redis_wait_s=3, stall_s=10)
SOURCES = {"cam": SourceDescription("cam.mp4", ("back",))}
LAYOUT = RunLayout("run", {"back": GroupLayout(has_sink=True)}, {})


class Server(MemoryBus):
    """A bus that can be away."""

    is_away = False

    def finished(self) -> int:
        self._answer()
        return super().finished()

    def keep_alive(self) -> None:
        self._answer()
        super().keep_alive()

    def request_stop(self) -> None:
        self._answer()
        super().request_stop()

    def _answer(self) -> None:
        if self.is_away:
            raise TransportError("Redis does not answer: ConnectionError")


class Rig:
    """A run in which happens what the test says; each watch of the workers takes a second."""

    def __init__(self, *, is_embedded: bool = False) -> None:
        self.now_s = 0.0
        self.ticks = self.stops = self.starts = 0
        self.are_sinks_done = False
        self.trouble: Exception | None = None
        self.at: dict[int, Callable[[], None]] = {}
        self.warnings: list[str] = []
        self.silent_workers: tuple[str, ...] = ()
        self.bus = Server(LAYOUT)
        self.bus.create()
        self._lease = self.bus.take_lease("back", "back-0")
        metrics = Metrics(self.bus, Accounting(self.bus, SOURCES), lambda: self.now_s)
        self.monitor = Monitor(
            self.bus,
            self,
            metrics,
            SETTINGS,
            is_embedded=is_embedded,
            warn=self.warnings.append,
        )

    # What the monitor asks of the workers.

    def start_due(self) -> None:
        self.starts += 1

    def watch(self, wait_s: float) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.ticks += 1
        self.now_s += 1
        assert self.ticks < 1000, "the run does not end"
        self.at.get(self.ticks, lambda: None)()

    def silent(self) -> tuple[str, ...]:
        return self.silent_workers

    def sinks_are_done(self) -> bool:
        return self.are_sinks_done

    # What happens at a tick.

    def set(self, **values: object) -> Callable[[], None]:
        return lambda: self.__dict__.update(values)

    def go_away(self) -> None:
        self.bus.is_away = True

    def come_back(self) -> None:
        self.bus.is_away = False

    def stop_while_away(self) -> None:
        self.stops = 1
        self.bus.is_away = True

    def move(self) -> None:
        self.bus.step(Step(self._lease, [], counters={"frames:track": 1}))

    def end_source(self) -> None:
        self.bus.step(Step(self._lease, [Commit("cam", 0, end_payload=b"end")]))

    def end(self) -> None:
        self.end_source()
        self.are_sinks_done = True

    def run(self) -> tuple[str, str | None]:
        return self.monitor.run(lambda: self.stops, lambda: None)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_run_is_done_when_all_has_ended_and_the_sinks_are_shut(rig: Rig) -> None:
    rig.at = {3: rig.end_source, 5: rig.set(are_sinks_done=True)}
    assert rig.run() == ("done", None)
    assert (rig.ticks, rig.starts) == (5, 5)


def test_a_stop_before_anything_runs_ends_it_at_once(rig: Rig) -> None:
    rig.stops = 1
    assert rig.run() == ("stopped", None)
    assert (rig.starts, rig.bus.is_stopping()) == (0, False)


def test_one_signal_lets_the_frames_under_way_come_to_their_end(rig: Rig) -> None:
    rig.at = {2: rig.set(stops=1), 5: rig.end}
    assert rig.run() == ("stopped", None)
    assert rig.bus.is_stopping()
    assert rig.ticks == 5


def test_draining_does_not_take_for_ever(rig: Rig) -> None:
    rig.at = {2: rig.set(stops=1)}
    assert rig.run() == ("stopped", None)
    assert SETTINGS.drain_s < rig.now_s - 2 <= SETTINGS.drain_s + 1


def test_a_second_signal_ends_it_at_once(rig: Rig) -> None:
    rig.at = {2: rig.set(stops=1), 3: rig.set(stops=2)}
    assert rig.run() == ("stopped", None)
    assert rig.ticks == 3


def test_a_signal_while_the_server_is_away_ends_it_at_once(rig: Rig) -> None:
    rig.at = {2: rig.stop_while_away}
    assert rig.run() == ("stopped", None)
    assert rig.ticks <= 3


def test_a_worker_that_fails_for_good_fails_the_run(rig: Rig) -> None:
    rig.at = {2: rig.set(trouble=EngineError("cannot write o.jsonl"))}
    assert rig.run() == ("failed", "cannot write o.jsonl")


def test_a_lost_run_fails_with_its_sentence(rig: Rig) -> None:
    rig.at = {2: rig.bus.delete}
    assert rig.run() == ("failed", "the run's keys are gone")


def test_an_embedded_server_is_not_waited_for() -> None:
    rig = Rig(is_embedded=True)
    rig.at = {2: rig.go_away}
    outcome, failure = rig.run()
    assert outcome == "failed"
    assert "embedded Redis server has ended" in str(failure)
    assert rig.ticks == 2


def test_a_server_that_comes_back_is_waited_for(rig: Rig) -> None:
    rig.at = {2: rig.go_away, 4: rig.come_back, 8: rig.end}
    assert rig.run() == ("done", None)
    assert len(rig.warnings) == 1
    assert "does not answer, waiting up to 3 s" in rig.warnings[0]


def test_no_worker_is_started_while_the_server_is_away(rig: Rig) -> None:
    rig.at = {2: rig.go_away, 4: rig.come_back, 5: rig.end}
    rig.run()
    assert rig.starts == 3


def test_a_server_that_stays_away_fails_the_run(rig: Rig) -> None:
    rig.at = {2: rig.go_away}
    outcome, failure = rig.run()
    assert outcome == "failed"
    assert str(failure).endswith("has not answered for 3 s")


def test_a_run_in_which_nothing_moves_fails(rig: Rig) -> None:
    assert rig.run() == ("failed", "nothing has moved for 21 s")


def test_a_run_in_which_nothing_moves_names_who_was_silent(rig: Rig) -> None:
    rig.silent_workers = ("detect-0 was silent",)
    assert rig.run() == ("failed", "nothing has moved for 21 s; detect-0 was silent")


def test_a_run_that_moves_now_and_then_goes_on(rig: Rig) -> None:
    rig.at = {15 * n: rig.move for n in range(1, 10)} | {150: rig.end}
    assert rig.run() == ("done", None)


def test_a_run_that_waits_for_whoever_takes_its_results_is_not_stuck(rig: Rig) -> None:
    held_until = 60
    rig.monitor.is_consumer_busy = lambda: rig.ticks < held_until
    assert rig.run() == ("failed", "nothing has moved for 21 s")
    assert held_until + 20 <= rig.ticks < held_until + 25
