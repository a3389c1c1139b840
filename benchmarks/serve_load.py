"""What many clients cost a served run: detection before, during and after; the server's memory."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import quote, urlsplit

import psutil

from benchmarks.load_clients import Experience, ask, look, never_read
from streamdet.bench.material import Material
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.sources.live_address import file_address
from tests.server.served import Served, served

ASKING, LOOKING = 50, 20
CAMERAS, FPS = 2, 10
_MIB = 1 << 20
WARM_UP_S: Final = 10.0
"""Of the run, and then of the clients: the first ones have the server load what draws."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the measurement.

    Attributes:
        fps: published frames a second, of all cameras.
        cores: what the process that serves, and supervises the run, takes of the processor.
        memory_mib: what it holds at the end.
    """

    fps: float
    cores: float
    memory_mib: float


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a phase begins: published frames and seconds since the run's start; seconds of CPU."""

    published: int
    elapsed_s: float
    now_s: float
    cpu_s: float


def run(material: Material, *, seconds: float = 60.0, settle_s: float = 20.0) -> Outcome:
    """Measure two cameras of 10 fps, with 50 clients that ask and 20 that look.

    Args:
        material: has the clip that the cameras show.
        seconds: of the load.
        settle_s: before it, and after it.
    """
    with _serving(material) as run_:
        before = _watched(run_, settle_s)
        asyncio.run(_load(run_, time.monotonic() + WARM_UP_S, Experience()))
        loaded_mib = _process(run_).memory_info().rss / _MIB
        met, began = Experience(), _mark(run_)
        hung_up_s = asyncio.run(_load(run_, time.monotonic() + seconds, met))
        during = _phase(run_, began)
        time.sleep(2)  # the status is of the last second
        after = _watched(run_, settle_s)
    slow = "was not hung up on yet: the system held its frames"
    if hung_up_s is not None:
        slow = f"was hung up on after {hung_up_s:.0f} s"
    growth = during.memory_mib / loaded_mib
    return outcome((before, during, after), met, growth, seconds, slow)


def outcome(
    phases: tuple[Phase, Phase, Phase], met: Experience, growth: float, seconds: float, slow: str
) -> Outcome:
    """Hold what was measured against the aims.

    Args:
        phases: before, during and after the load.
        met: what the clients have met.
        growth: of the server's memory while the clients were there.
        seconds: how long they were.
        slow: what became of the one that reads nothing.
    """
    before, during, after = phases
    slowest_ms = 1000 * statistics.quantiles(met.answers_s, n=20)[-1]
    failed = sum(count for code, count in met.codes.items() if code != 200)
    return Outcome(
        [
            Metric("detection, during / before", during.fps / before.fps, aim=Aim(">=", 0.9)),
            Metric("detection, after / before", after.fps / before.fps, aim=Aim(">=", 0.95)),
            Metric("memory, at the end / at the beginning of the load", growth, aim=Aim("<", 1.1)),
            Metric("memory before the first client", before.memory_mib, "MiB"),
            Metric("memory at the end of the load", during.memory_mib, "MiB"),
            Metric("cores that the server takes, before", before.cores),
            Metric("cores that the server takes, during", during.cores),
            Metric("answers that failed", failed, aim=Aim("<", 1)),
            Metric("answers a second", len(met.answers_s) / seconds),
            Metric("95 % of the answers within", slowest_ms, "ms"),
            Metric("frames a second of a preview", met.frames / seconds / LOOKING),
        ],
        notes=[
            f"{CAMERAS} cameras of {FPS} fps at {before.fps:.1f} published frames a second;"
            f" {ASKING} clients ask as a page does, {LOOKING} take previews.",
            f"One more asks for a preview and never reads: it {slow}.",
            "The clients run on the same cores.",
        ],
        details={"phases": [asdict(phase) for phase in phases], "codes": dict(met.codes)},
    )


async def _load(run_: Served, until_s: float, met: Experience) -> float | None:
    port = urlsplit(run_.url).port or 0
    names = [source["source_id"] for source in run_.read("/cameras")]
    paths = [f"/api/v1/cameras/{quote(name, safe='')}/preview.mjpeg" for name in names]
    asking = (ask(port, until_s, met) for _ in range(ASKING))
    looking = (look(port, paths[n % len(paths)], until_s, met) for n in range(LOOKING))
    hung_up_s, *_ = await asyncio.gather(
        never_read(run_.process.pid, port, paths[0], until_s), *asking, *looking
    )
    return hung_up_s


@contextmanager
def _serving(material: Material) -> Iterator[Served]:
    address = file_address(material.live_clip, loop=True)
    arguments = [word for _ in range(CAMERAS) for word in ("--source", address)]
    fps = ("--set", f"camera.fps={FPS}")
    with TemporaryDirectory() as folder, served(Path(folder), *arguments, *fps) as run_:
        run_.wait_for_frames(1)
        time.sleep(WARM_UP_S)
        yield run_
        run_.stop()


def _watched(run_: Served, seconds: float) -> Phase:
    began = _mark(run_)
    time.sleep(seconds)
    return _phase(run_, began)


def _phase(run_: Served, began: _Mark) -> Phase:
    now = _mark(run_)
    return Phase(
        (now.published - began.published) / (now.elapsed_s - began.elapsed_s),
        (now.cpu_s - began.cpu_s) / (now.now_s - began.now_s),
        _process(run_).memory_info().rss / _MIB,
    )


def _mark(run_: Served) -> _Mark:
    told = run_.read("/run")
    times = _process(run_).cpu_times()
    published = sum(source["published"] for source in told["sources"])
    return _Mark(published, told["elapsed_s"], time.monotonic(), times.user + times.system)


def _process(run_: Served) -> psutil.Process:
    return psutil.Process(run_.process.pid)
