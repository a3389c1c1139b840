"""Memory over a long run: each worker's resident set and the Redis server's, early and late."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from streamdet.bench.machine import descendants, rss_kib
from streamdet.bench.material import Material
from streamdet.bench.measured import CLI, LIMIT_S, private_redis
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.errors import StreamdetError
from streamdet.transport.connection import connect

GRAPH = """
version: 1
name: memory
nodes:
  camera: {{kind: source, uri: "synthetic:street?hw=128x160&frames={frames}", process: front}}
  prepare: {{kind: stretch, hw: [128, 160], reads: camera, process: front}}
  detect: {{kind: detector, model: hog_people, reads: prepare, replicas: auto}}
  track: {{kind: byte_track, reads: detect, process: back}}
  publish: {{kind: redis_stream, reads: track, process: back, stream: memory, maxlen: 1000}}
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long the run is, and when it is looked at.

    Attributes:
        frames: of the source.
        every_s: seconds between two samples.
        early: share of the run, from and to: the samples that the others are compared with.
        late: share of the run in which memory may have grown.
    """

    frames: int = 20_000
    every_s: float = 0.25
    early: tuple[float, float] = (0.08, 0.15)
    late: tuple[float, float] = (0.93, 1.0)


PLAN: Final = Plan()


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory at one moment.

    Attributes:
        frame: the last frame published.
        rss_kib: worker -> resident memory, KiB.
        redis_kib: the server's `used_memory`, KiB.
    """

    frame: int
    rss_kib: dict[str, int]
    redis_kib: float


def run(material: Material, plan: Plan = PLAN) -> Outcome:
    """Run 20,000 small frames through a cheap detector and look on."""
    with private_redis() as url, tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "memory.yaml"
        graph.write_text(GRAPH.format(frames=plan.frames))
        samples = list(_watch([*CLI, "run", str(graph), "--redis", url], url, plan.every_s))
    growths = growth(samples, plan)
    worst = max((name for name in growths if name != "redis"), key=growths.__getitem__)
    last = samples[-1].rss_kib
    return Outcome(
        metrics=[
            Metric(
                f"growth of a worker's memory at most ({worst})", growths[worst], "%", Aim("<", 2)
            ),
            Metric("growth of Redis's used_memory", growths["redis"], "%", Aim("<", 2)),
            *(Metric(f"  {name}, at the end", kib / 1024, "MiB") for name, kib in last.items()),
            Metric("  redis, at the end", samples[-1].redis_kib / 1024, "MiB"),
        ],
        details={"samples": [asdict(sample) for sample in samples], "growth": growths},
    )


def growth(samples: Sequence[Sample], plan: Plan = PLAN) -> dict[str, float]:
    """Compare late with early samples: name -> percent.

    Raises:
        StreamdetError: a worker was not seen at both times.
    """
    early, late = (
        [one for one in samples if low * plan.frames <= one.frame <= high * plan.frames]
        for low, high in (plan.early, plan.late)
    )
    names = set.intersection(*(set(one.rss_kib) for one in samples)) if samples else set()
    if not (early and late and names):
        raise StreamdetError("memory: no worker was seen both early and late in the run")
    series = {name: [[one.rss_kib[name] for one in part] for part in (early, late)]
              for name in sorted(names)}  # fmt: skip
    series["redis"] = [[round(one.redis_kib) for one in part] for part in (early, late)]
    return {
        name: 100 * (median(after) / median(before) - 1) for name, (before, after) in series.items()
    }


def _watch(command: Sequence[str], url: str, every_s: float) -> Iterator[Sample]:
    """Run a command and sample it while it publishes."""
    client: Any = connect(url)
    deadline = time.monotonic() + LIMIT_S
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        while process.poll() is None:
            if time.monotonic() > deadline:
                process.terminate()
            time.sleep(every_s)
            workers = {name: pid for pid, name in descendants(process.pid).items()}
            sizes = {name: rss_kib(pid) for name, pid in workers.items() if name in _WORKERS}
            entries = client.xrevrange("memory", count=1)
            if entries and all(sizes.get(name) for name in _WORKERS):
                yield Sample(
                    json.loads(entries[0][1][b"metadata"])["frame_id"],
                    {name: size for name, size in sizes.items() if size},
                    client.info("memory")["used_memory"] / 1024,
                )
        if process.returncode != 0:
            raise StreamdetError(f"memory: the run ended with exit code {process.returncode}")


_WORKERS = ("sd:front-0", "sd:detect-0", "sd:back-0")
