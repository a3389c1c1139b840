"""A trial: faults one after another, then the account of what became of every frame."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from streamdet.chaos.faults import FAULTS
from streamdet.chaos.results import misplaced
from streamdet.chaos.trial_run import RunOverError, TrialRun
from streamdet.system.stop_signals import INTERRUPTED

PIECE_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Played:
    """A fault that was played.

    Attributes:
        kind: its name in FAULTS.
        said: what was done.
        at_s: when, seconds since the first result.
        lasted_s: how long.
        silence_s: the longest time without a result, from the fault to the next one.
    """

    kind: str
    said: str
    at_s: float
    lasted_s: float
    silence_s: float

    @property
    def recovery_s(self) -> float:
        """How much longer than the fault no result came."""
        return max(0.0, self.silence_s - self.lasted_s)

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.at_s:6.1f} s  {self.said:<58} no result for {self.silence_s:.2f} s"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a trial found.

    Attributes:
        faults: as they were played.
        sources: the run's account of each source.
        restarts: of its workers.
        wrong: a sentence for each thing that is not as it should be.
        is_early: whether the run was over before the time of the trial.
    """

    faults: list[Played]
    sources: list[dict[str, Any]]
    restarts: int
    wrong: list[str] = field(default_factory=list)
    is_early: bool = False

    def recovery_s(self, quantile: float) -> float:
        """A quantile (0 to 100) of the faults' recoveries, seconds."""
        return float(np.percentile([fault.recovery_s for fault in self.faults], quantile))


def play(
    run: TrialRun,
    kinds: Sequence[str],
    *,
    for_s: float,
    every_s: float,
    seed: int,
    show: Callable[[Played], None],
) -> Verdict:
    """Hurt a run that has results, until the time or the run is over, then end it and add up.

    Args:
        run: the run.
        kinds: names in FAULTS.
        for_s: how long, seconds.
        every_s: from one fault's begin to the next one's, if the fault is over by then.
        seed: of the order of the faults and of whom they hit.
        show: called with every fault, when the next one is due.

    Raises:
        EngineError: the run does not end, or writes no report.
    """
    rng = random.Random(seed)  # noqa: S311  nothing secret
    begun_s, played = time.monotonic(), []
    for kind in _dealt(kinds, rng):
        at_s = time.monotonic()
        if run.is_over() or at_s - begun_s >= for_s:
            break
        try:
            hurt = FAULTS[kind](run, rng)
        except RunOverError:
            break
        over_s = time.monotonic()
        _wait(run, max(at_s, over_s - every_s / 2) + every_s)
        silence_s = run.results.silence_s(at_s, time.monotonic(), hurt.source)
        played.append(Played(kind, hurt.said, at_s - begun_s, over_s - at_s, silence_s))
        show(played[-1])
    is_cut = not run.is_over()
    return _judge(run, played, is_cut=is_cut, code=run.stop())


def _dealt(kinds: Sequence[str], rng: random.Random) -> Iterator[str]:
    """Draw kinds without end: each once before any comes again."""
    while True:
        yield from rng.sample(kinds, len(kinds))


def _wait(run: TrialRun, until_s: float) -> None:
    while time.monotonic() < until_s and not run.is_over():
        time.sleep(PIECE_S)
        run.family()  # remembered, to see later whether one is left


def _judge(run: TrialRun, played: list[Played], *, is_cut: bool, code: int) -> Verdict:
    report = run.report()
    wrong = [] if code == (INTERRUPTED if is_cut else 0) else [f"the run failed: {run.last_line()}"]
    wrong += [text for source in report["sources"] for text in _unaccounted(source)]
    wrong += misplaced(run.frames)
    wrong += [f"an unexpected error in a worker: {text}" for text in report["tracebacks"]]
    wrong += [f"left behind: {text}" for text in run.leftovers(report["run_id"])]
    return Verdict(played, report["sources"], report["restarts"], wrong, is_early=not is_cut)


def _unaccounted(source: dict[str, Any]) -> Iterator[str]:
    finished = source["published"] + sum(source["dropped"].values())
    if source["emitted"] != finished + source["unfinished"]:
        yield f"{source['source_id']}: {source['emitted']} emitted, {finished} published or dropped"


def counts_of(kinds: Sequence[str]) -> str:
    """Say how often each kind came: "3 kill, 1 freeze"."""
    return ", ".join(f"{count} {kind}" for kind, count in Counter(kinds).most_common())
