"""Plays one fault after another to a run and looks at how it takes them."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

import psutil

from tests.cameras.live_run import LiveRun
from tests.cameras.soak_faults import Camera, Fault, kill_worker
from tests.cameras.soak_traces import family, memory_mib
from tests.cameras.soak_watch import LOOK_EVERY_S, Watch

STATE_AIM_S = 7.0
BACK_AIM_S = 3.0
MEMORY_EVERY_S = 2.0


@dataclass(frozen=True)
class Memory:
    """Memory of the run at a time since its start, MiB: see `memory_mib`."""

    at_s: float
    own_mib: float
    resident_mib: float


class Stand:
    """A run over cameras, watched.

    Attributes:
        memory: samples since `begin`.
        processes: every process that the run was seen to have.
    """

    def __init__(self, run: LiveRun, cameras: list[Camera], rng: random.Random) -> None:
        self.run, self.cameras, self.rng = run, cameras, rng
        self.watch = Watch(run.folder)
        self.memory: list[Memory] = []
        self.processes: set[psutil.Process] = set()
        self.begin()

    def begin(self) -> None:
        """Count time from now on."""
        self.watch.read()
        self.started_s = self._sampled_s = time.monotonic()

    def until(self, at_s: float) -> None:
        """Look on until a time since the beginning."""
        while (now_s := time.monotonic() - self.started_s) < at_s:
            assert self.run.process.poll() is None, f"the run has ended:\n{self.run.log}"
            self.watch.read()
            if time.monotonic() - self._sampled_s >= MEMORY_EVERY_S:
                self._sampled_s = time.monotonic()
                self.processes |= set(family(self.run.process.pid))
                self.memory.append(Memory(now_s, *memory_mib(self.run.process.pid)))
            time.sleep(LOOK_EVERY_S)


@dataclass(frozen=True)
class Played:
    """One fault, as the run took it.

    Attributes:
        kind: of fault; for a kill the worker's name.
        at_s: when it began, since the start.
        cameras: that were hit.
        state_s: from its begin until the camera was said to be away; None where it was not.
        back_s: from its end until the first result of a frame taken after it, by the worst camera;
            None if there was none.
        others_fps: other cameras -> frames, and results, a second from its begin on.
        missed: a sentence for each aim that was missed.
    """

    kind: str
    at_s: float
    cameras: list[str]
    state_s: float | None
    back_s: float | None
    others_fps: dict[str, tuple[float, float]]
    is_kill: bool
    missed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Say it in a line."""
        fps = self.others_fps.items()
        others = ", ".join(f"{name} {came:.1f}/{done:.1f}" for name, (came, done) in fps)
        hit = " ".join(self.cameras) if self.others_fps else "all"
        return (
            f"{self.at_s:5.0f} s  {self.kind:<15} {hit:<20} state {_seconds(self.state_s)}"
            f"  back {_seconds(self.back_s)}  others' frames/results per s: {others or '-'}"
        )


def play(stand: Stand, fault: Fault | None, at_s: float, end_s: float) -> Played:
    """Play a fault (None: kill a worker) at a time since the start, and look on until the end."""
    stand.until(at_s)
    began_s = time.monotonic()
    kind, hit = _happen(stand, fault)
    ended_s, ended_wall_s = time.monotonic(), time.time()
    stand.until(end_s)
    said_s = stand.watch.away_s(hit[0].source_id, began_s)
    backs_s = [stand.watch.result_s(camera.source_id, ended_wall_s) for camera in hit]
    others = [camera.source_id for camera in stand.cameras if camera not in hit]
    played = Played(
        kind=kind,
        at_s=round(began_s - stand.started_s, 1),
        cameras=[camera.source_id for camera in hit],
        state_s=None if said_s is None else said_s - began_s,
        back_s=_latest(backs_s, ended_s),
        others_fps={name: stand.watch.fps(name, began_s, time.monotonic()) for name in others},
        is_kill=fault is None,
    )
    played.missed.extend(aims_missed(played, has_state=fault is not None and fault.changes_state))
    return played


def _happen(stand: Stand, fault: Fault | None) -> tuple[str, list[Camera]]:
    """Play a fault from its begin to its end; returns its name and whom it hit."""
    if fault is None:
        worker, hit = kill_worker(stand.run, stand.cameras, stand.rng)
        return f"killed {worker}", hit
    camera = stand.rng.choice(stand.cameras)
    began_s = time.monotonic() - stand.started_s
    fault.begin(camera)
    stand.until(began_s + fault.lasts_s)
    fault.end(camera)
    return fault.kind, [camera]


def _latest(times_s: list[float | None], since_s: float) -> float | None:
    """How long the latest took; None if one is missing."""
    there = [one for one in times_s if one is not None]
    return max(there) - since_s if len(there) == len(times_s) else None


def aims_missed(played: Played, *, has_state: bool) -> list[str]:
    """Say which aims a fault has missed; with `has_state` the camera has to be said to be away."""
    where = f"{played.at_s:.0f} s, {played.kind}"
    missed = []
    if has_state and (played.state_s is None or played.state_s >= STATE_AIM_S):
        said = _seconds(played.state_s)
        missed.append(f"{where}: said to be away after {said}, aim {STATE_AIM_S:g} s")
    if played.back_s is None or played.back_s >= BACK_AIM_S:
        missed.append(f"{where}: first frame after {_seconds(played.back_s)}, aim {BACK_AIM_S:g} s")
    return missed


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
