"""Cameras share a detector by max-min fairness, in a simulation that costs no time.

The cameras send at their rates, each a little out of step; the detector takes one frame after
another, in the order in which they were let go on.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from streamdet.transport.turns import Answer, Progress, Share, Turn, Turns

STEP_MS = 1


@dataclass
class Simulation:
    """Cameras, their turns and a detector.

    Attributes:
        rates: camera -> frames per second.
        detect_ms: how long the detector takes for a frame.
        most: most frames of a camera under way.
        wanted_ms: see Turn.
        stale_ms: the detector drops what has waited for longer.
    """

    rates: Mapping[str, float]
    detect_ms: float
    slots: int = 32
    most: int = 3
    wanted_ms: float = 500
    stale_ms: float = 1000
    now_ms: float = 0
    emitted: Counter[str] = field(default_factory=Counter)
    detected: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, Answer]] = field(default_factory=Counter)
    waits_ms: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.turns = Turns(Share(slots=self.slots), self.progress)
        self.queue: deque[tuple[str, int, float]] = deque()
        self.free_at_ms = 0.0
        self._is_busy = False
        self.silent: set[str] = set()

    def progress(self, source_id: str) -> Progress:
        unfinished = [index for name, index, _ in self.queue if name == source_id]
        emitted = self.emitted[source_id]
        return Progress(emitted, min(unfinished, default=emitted))

    def run(self, seconds: float) -> None:
        end_ms = self.now_ms + 1000 * seconds
        while self.now_ms < end_ms:
            for place, (name, rate) in enumerate(self.rates.items()):
                period_ms = round(1000 / rate)
                if self.now_ms % period_ms == 7 * place % period_ms and name not in self.silent:
                    self._frame(name, 1000 / rate)
            self._detect()
            self.now_ms += STEP_MS

    def count(self, seconds: float) -> dict[str, int]:
        """Run on; returns how many frames of each camera were detected in meanwhile."""
        before = self.detected.copy()
        self.run(seconds)
        return {name: self.detected[name] - before[name] for name in self.rates}

    def _frame(self, name: str, interval_ms: float) -> None:
        index = self.emitted[name]
        patience_ms = 2 * interval_ms + 100
        turn = Turn(name, index, self.most, self.wanted_ms, patience_ms, self.now_ms)
        answer = self.turns.ask(turn)
        self.answers[name, answer] += 1
        self.emitted[name] += 1
        if answer == "go":
            self.queue.append((name, index, self.now_ms))

    def _detect(self) -> None:
        if self._is_busy and self.now_ms >= self.free_at_ms:
            name, _, since_ms = self.queue.popleft()
            self.waits_ms.append(self.now_ms - since_ms)
            self.detected[name] += 1
            self._is_busy = False
        if not self._is_busy:
            while self.queue and self.now_ms - self.queue[0][2] > self.stale_ms:
                self.queue.popleft()
        if self.queue and not self._is_busy:
            self._is_busy = True
            self.free_at_ms = max(self.free_at_ms, self.now_ms - STEP_MS) + self.detect_ms


def check_within(counts: Mapping[str, int], wanted: Mapping[str, float]) -> None:
    """Each is within a tenth of what is wanted, or two frames."""
    wrong = {
        name: (count, wanted[name])
        for name, count in counts.items()
        if abs(count - wanted[name]) > max(2, 0.1 * wanted[name])
    }
    assert not wrong, wrong


def test_one_camera_alone_loses_nothing_though_it_sends_almost_all_that_can_be_detected() -> None:
    simulation = Simulation({"a": 60}, detect_ms=16)
    simulation.run(10)
    assert simulation.answers["a", "own"] == simulation.answers["a", "others"] == 0


def test_cameras_that_are_less_than_can_be_detected_lose_nothing() -> None:
    rates = {"fast": 50, "slow": 1, **{f"c{number}": 10 for number in range(14)}}  # 191 a second
    simulation = Simulation(rates, detect_ms=4.5)
    simulation.run(5)
    assert {answer for _, answer in simulation.answers} == {"go"}


def test_cameras_whose_frames_come_all_at_once_lose_nothing_if_there_is_time() -> None:
    simulation = Simulation({f"c{number}": 1 for number in range(16)}, detect_ms=30)
    simulation.run(8)
    assert {answer for _, answer in simulation.answers} == {"go"}


def test_sixteen_cameras_get_the_same_whatever_their_rates() -> None:
    rates = {"fast": 60, "slow": 5, **{f"c{number}": 10 for number in range(14)}}
    simulation = Simulation(rates, detect_ms=50)  # 20 a second: 1.25 for each
    simulation.run(5)
    simulation.waits_ms.clear()
    counts = simulation.count(24)
    check_within(counts, dict.fromkeys(rates, 30))
    assert max(simulation.waits_ms) < 1000


def test_a_camera_below_its_share_loses_nothing_and_the_others_share_the_rest() -> None:
    rates = {"fast": 50, "slow": 2, "medium": 20, "other": 25}
    simulation = Simulation(rates, detect_ms=50)
    simulation.run(5)
    counts = simulation.count(30)  # 18 of 20 a second are left for three
    check_within(counts, {"fast": 180, "slow": 60, "medium": 180, "other": 180})
    assert simulation.answers["slow", "others"] == simulation.answers["slow", "own"] == 0


@pytest.mark.parametrize("detect_ms", [10, 100, 400])
def test_the_detector_never_pauses_and_frames_are_through_in_time(detect_ms: float) -> None:
    rates = {f"c{number}": 25 for number in range(8)}
    simulation = Simulation(rates, detect_ms)
    simulation.run(10)
    simulation.waits_ms.clear()
    counts = simulation.count(30)
    assert sum(counts.values()) >= 0.95 * 30_000 / detect_ms
    assert max(simulation.waits_ms) <= max(1000, 3 * detect_ms)


def test_cameras_that_fall_silent_cost_the_others_nothing() -> None:
    simulation = Simulation({f"c{number}": 10 for number in range(8)}, detect_ms=50)
    simulation.run(5)
    simulation.silent = {f"c{number}" for number in range(6)}
    simulation.run(2)
    counts = simulation.count(20)
    assert [counts["c6"], counts["c7"]] == [200, 200]
    simulation.silent = set()
    simulation.run(1)  # who was away has one turn more at once, and no more than that
    check_within(simulation.count(20), dict.fromkeys(simulation.rates, 50))


def test_more_cameras_than_slots_share_them() -> None:
    simulation = Simulation({f"c{number}": 5 for number in range(64)}, detect_ms=12, slots=8)
    simulation.run(5)
    check_within(simulation.count(20), dict.fromkeys(simulation.rates, 26))


def test_a_detector_that_was_away_for_seconds_is_used_fully_again() -> None:
    simulation = Simulation({f"c{number}": 10 for number in range(8)}, detect_ms=50)
    simulation.run(5)
    simulation.free_at_ms = simulation.now_ms + 4000
    simulation.run(6)
    counts = simulation.count(20)
    assert sum(counts.values()) >= 380
    check_within(counts, dict.fromkeys(simulation.rates, 50))


def test_a_frame_that_never_came_is_forgotten() -> None:
    turns = Turns(Share(slots=2), lambda source_id: Progress(0, 0))
    assert turns.ask(Turn("a", 0, 1, 500, 300, 0)) == "go"
    assert turns.ask(Turn("b", 0, 1, 500, 300, 10)) == "go"
    assert turns.ask(Turn("c", 0, 1, 500, 300, 20)) == "others"
    assert turns.ask(Turn("c", 0, 1, 500, 300, 2100)) == "go"
