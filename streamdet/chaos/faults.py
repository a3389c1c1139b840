"""The faults: each hurts a run for a while and says what it did."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from streamdet.chaos.cameras import source_of
from streamdet.chaos.descendants import STARTER_TITLE, Process
from streamdet.chaos.trial_run import RunOverError, TrialRun
from streamdet.errors import EngineError

FREEZE_S: Final = 2.0
REDIS_PAUSE_S: Final = 3.0
REDIS_AWAY_S: Final = 1.0
BUSY_S: Final = 3.0
CAMERA_S: Final = 3.0
FROZEN_CAMERA_S: Final = 8.0
WORKER_LIMIT_S: Final = 30.0
_SPIN: Final = "import time\nend = time.monotonic() + {0}\nwhile time.monotonic() < end: pass\n"


@dataclass(frozen=True, slots=True)
class Hurt:
    """What a fault did.

    Attributes:
        said: in a few words.
        source: how the ids of the sources begin that it hit; empty for all.
    """

    said: str
    source: str = ""


Fault = Callable[[TrialRun, random.Random], Hurt]


def kill(run: TrialRun, rng: random.Random) -> Hurt:
    """SIGKILL of a worker."""
    name, worker = _worker(run, rng)
    _signal([worker], signal.SIGKILL)
    return Hurt(f"killed {name}")


def kill_starter(run: TrialRun, rng: random.Random) -> Hurt:
    """SIGKILL of the process that starts the workers, and so of all of them."""
    starters = [one for one, title in run.family().items() if title == STARTER_TITLE]
    _signal(starters, signal.SIGKILL)
    return Hurt("killed all workers and the process that starts them")


def freeze(run: TrialRun, rng: random.Random) -> Hurt:
    """A worker stands still, as in swapping."""
    name, worker = _worker(run, rng)
    _frozen([worker], FREEZE_S)
    return Hurt(f"froze {name} for {FREEZE_S:g} s")


def suspend(run: TrialRun, rng: random.Random) -> Hurt:
    """Everything stands still, as when a virtual machine is moved; the server goes on."""
    _frozen(run.family(), FREEZE_S)
    return Hurt(f"froze the whole run for {FREEZE_S:g} s")


def redis_pause(run: TrialRun, rng: random.Random) -> Hurt:
    """The server answers nothing for a while."""
    run.redis.pause()
    time.sleep(REDIS_PAUSE_S)
    run.redis.resume()
    return Hurt(f"Redis answered nothing for {REDIS_PAUSE_S:g} s")


def redis_reset(run: TrialRun, rng: random.Random) -> Hurt:
    """Every connection to the server breaks."""
    run.redis.reset_connections()
    return Hurt("every connection to Redis broke")


def redis_restart(run: TrialRun, rng: random.Random) -> Hurt:
    """SIGKILL of the server, which comes back with its append-only file."""
    run.redis.kill()
    time.sleep(REDIS_AWAY_S)
    run.redis.start()
    return Hurt(f"Redis was killed and came back after {REDIS_AWAY_S:g} s")


def busy(run: TrialRun, rng: random.Random) -> Hurt:
    """Other programs take the processor: two for each core."""
    count = 2 * len(os.sched_getaffinity(0))
    spin = [sys.executable, "-I", "-S", "-c", _SPIN.format(BUSY_S)]
    others = [subprocess.Popen(spin) for _ in range(count)]
    for other in others:
        other.wait()
    return Hurt(f"{count} other programs used the processor for {BUSY_S:g} s")


def camera_lost(run: TrialRun, rng: random.Random) -> Hurt:
    """A camera ends its connection and refuses others for a while."""
    camera = rng.choice(run.cameras)
    camera.down()
    time.sleep(CAMERA_S)
    camera.up()
    return Hurt(f"camera away for {CAMERA_S:g} s", source_of(camera))


def camera_reset(run: TrialRun, rng: random.Random) -> Hurt:
    """The connection to a camera breaks."""
    camera = rng.choice(run.cameras)
    camera.reset()
    return Hurt("connection to a camera broke", source_of(camera))


def camera_frozen(run: TrialRun, rng: random.Random) -> Hurt:
    """A camera sends nothing, its connection stays."""
    camera = rng.choice(run.cameras)
    camera.freeze()
    time.sleep(FROZEN_CAMERA_S)
    camera.thaw()
    return Hurt(f"camera silent for {FROZEN_CAMERA_S:g} s", source_of(camera))


FAULTS: Final[dict[str, Fault]] = {
    "kill": kill,
    "freeze": freeze,
    "kill-all": kill_starter,
    "suspend": suspend,
    "redis-pause": redis_pause,
    "redis-reset": redis_reset,
    "redis-restart": redis_restart,
    "busy": busy,
    "camera-lost": camera_lost,
    "camera-reset": camera_reset,
    "camera-frozen": camera_frozen,
}
"""Name -> what it does."""
OF_CAMERAS: Final = ("camera-lost", "camera-reset", "camera-frozen")
"""Those that want a camera in the network."""


def _worker(run: TrialRun, rng: random.Random) -> tuple[str, Process]:
    """Draw a worker; those that are just being started again are waited for.

    Raises:
        RunOverError: the run has ended.
        EngineError: none runs.
    """
    deadline_s = time.monotonic() + WORKER_LIMIT_S
    while not (found := sorted(run.workers().items(), key=lambda item: item[0])):
        if run.is_over():
            raise RunOverError(run.last_line())
        if time.monotonic() > deadline_s:
            raise EngineError(f"no worker of the run is running: {run.last_line()}")
        time.sleep(0.05)
    return rng.choice(found)


def _frozen(processes: Iterable[Process], for_s: float) -> None:
    stopped = list(processes)
    _signal(stopped, signal.SIGSTOP)
    try:
        time.sleep(for_s)
    finally:
        _signal(stopped, signal.SIGCONT)


def _signal(processes: Iterable[Process], number: signal.Signals) -> None:
    for one in processes:
        if one.is_alive():
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(one.pid, number)
