"""The time between start and end of a run: fake bus, fleet and metrics, and real decisions."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamdet.config.deploy import DeploySettings
from streamdet.errors import EngineError, TransportError
from streamdet.run import monitor as watch_module
from streamdet.run.monitor import Monitor
from streamdet.transport.bus import RunLostError

SETTINGS = DeploySettings(drain_s=5, redis_wait_s=3, stall_s=10)
AWAY = TransportError("Redis does not answer: ConnectionError")


class Rig:
    """A run whose every part does what the test says; each tick of the fleet takes a second."""

    def __init__(self, patch: pytest.MonkeyPatch, *, is_embedded: bool = False) -> None:
        self.now_s = 0.0
        self.ticks = self.stops = self.moved = self.starts = 0
        self.has_ended = self.are_sinks_done = self.was_asked_to_stop = False
        self.trouble: Exception | None = None
        self.worker_trouble: Exception | None = None
        self.at: dict[int, Callable[[], None]] = {}
        self.warnings: list[str] = []
        self.silent: tuple[str, ...] = ()
        patch.setattr(watch_module, "time", SimpleNamespace(monotonic=lambda: self.now_s))
        self.watch = Monitor(
            cast(Any, self),
            cast(Any, self._fleet()),
            cast(Any, self),
            SETTINGS,
            is_embedded=is_embedded,
            warn=self.warnings.append,
        )

    def _fleet(self) -> SimpleNamespace:
        return SimpleNamespace(
            start_due=self._start,
            watch=self._tick,
            sinks_are_done=lambda: self.are_sinks_done,
            silent=lambda: self.silent,
        )

    def _start(self) -> None:
        self.starts += 1

    def _tick(self, wait_s: float) -> None:
        if self.worker_trouble is not None:
            raise self.worker_trouble
        self.ticks += 1
        self.now_s += 1
        assert self.ticks < 1000, "the run does not end"
        self.at.get(self.ticks, lambda: None)()

    def read(self) -> bool:
        """The metrics."""
        self.finished()
        return self.has_ended

    def finished(self) -> int:
        """The bus."""
        if self.trouble is not None:
            raise self.trouble
        return 0

    def request_stop(self) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.was_asked_to_stop = True

    def end(self) -> None:
        self.has_ended = self.are_sinks_done = True

    def run(self) -> tuple[str, str | None]:
        return self.watch.run(lambda: self.stops, lambda: None)

    def set(self, **values: object) -> Callable[[], None]:
        return lambda: self.__dict__.update(values)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


def test_a_run_is_done_when_all_has_ended_and_the_sinks_are_shut(rig: Rig) -> None:
    rig.at = {3: rig.set(has_ended=True), 5: rig.set(are_sinks_done=True)}
    assert rig.run() == ("done", None)
    assert (rig.ticks, rig.starts) == (5, 5)


def test_a_stop_before_anything_runs_ends_it_at_once(rig: Rig) -> None:
    rig.stops = 1
    assert rig.run() == ("stopped", None)
    assert (rig.starts, rig.was_asked_to_stop) == (0, False)


def test_one_signal_lets_the_frames_under_way_come_to_their_end(rig: Rig) -> None:
    rig.at = {2: rig.set(stops=1), 5: rig.end}
    assert rig.run() == ("stopped", None)
    assert rig.was_asked_to_stop
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
    rig.at = {2: rig.set(stops=1, trouble=AWAY)}
    assert rig.run() == ("stopped", None)
    assert rig.ticks <= 3


def test_a_worker_that_fails_for_good_fails_the_run(rig: Rig) -> None:
    rig.at = {2: rig.set(worker_trouble=EngineError("cannot write o.jsonl"))}
    assert rig.run() == ("failed", "cannot write o.jsonl")


def test_a_lost_run_fails_with_its_sentence(rig: Rig) -> None:
    rig.at = {2: rig.set(trouble=RunLostError("the keys are gone"))}
    assert rig.run() == ("failed", "the keys are gone")


def test_an_embedded_server_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(monkeypatch, is_embedded=True)
    rig.at = {2: rig.set(trouble=AWAY)}
    outcome, failure = rig.run()
    assert outcome == "failed"
    assert "embedded Redis server has ended" in str(failure)
    assert rig.ticks == 2


def test_a_server_that_comes_back_is_waited_for(rig: Rig) -> None:
    rig.at = {2: rig.set(trouble=AWAY), 4: rig.set(trouble=None), 8: rig.end}
    assert rig.run() == ("done", None)
    assert len(rig.warnings) == 1
    assert "does not answer, waiting up to 3 s" in rig.warnings[0]


def test_no_worker_is_started_while_the_server_is_away(rig: Rig) -> None:
    rig.at = {2: rig.set(trouble=AWAY), 4: rig.set(trouble=None), 5: rig.end}
    rig.run()
    assert rig.starts == 3


def test_a_server_that_stays_away_fails_the_run(rig: Rig) -> None:
    rig.at = {2: rig.set(trouble=AWAY)}
    outcome, failure = rig.run()
    assert outcome == "failed"
    assert str(failure).endswith("has not answered for 3 s")


def test_a_run_in_which_nothing_moves_fails(rig: Rig) -> None:
    assert rig.run() == ("failed", "nothing has moved for 21 s")


def test_a_run_in_which_nothing_moves_names_who_was_silent(rig: Rig) -> None:
    rig.silent = ("detect-0 was silent",)
    assert rig.run() == ("failed", "nothing has moved for 21 s; detect-0 was silent")


def test_a_run_that_moves_now_and_then_goes_on(rig: Rig) -> None:
    rig.at = {15 * n: rig.set(moved=n) for n in range(1, 10)} | {150: rig.end}
    assert rig.run() == ("done", None)


def test_a_run_that_waits_for_whoever_takes_its_results_is_not_stuck(rig: Rig) -> None:
    held_until = 60
    rig.watch.is_held = lambda: rig.ticks < held_until
    assert rig.run() == ("failed", "nothing has moved for 21 s")
    assert held_until + 20 <= rig.ticks < held_until + 25
