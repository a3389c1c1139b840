"""How soon things happen: the first published frame, the answer of `check`, a killed stage back."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from streamdet.bench.machine import descendants
from streamdet.bench.material import Material
from streamdet.bench.measured import CLI, pipeline_command, private_redis, running
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.errors import StreamdetError
from streamdet.transport.connection import connect

ROUNDS = 3
CHECKS = 7
STREAM = "start"
WAIT_S = 60.0
KILLED = ("front-0", "back-0", "detect-0")


def run(material: Material, *, rounds: int = ROUNDS, checks: int = CHECKS) -> Outcome:
    """Measure each several times and take the middle."""
    checks_s = [_check_s(material) for _ in range(checks)]
    with private_redis() as url:
        firsts_s = [_first_frame_s(material, url) for _ in range(rounds)]
        returns = _returns_s(material, url, rounds)
    plain = max(median(returns[name]) for name in ("front-0", "back-0"))
    return Outcome(
        metrics=[
            Metric("`streamdet check people`", median(checks_s), "s", Aim("<", 0.5)),
            Metric("a killed stage is back (source, sink)", plain, "s", Aim("<", 1.0)),
            Metric("a killed detector is back", median(returns["detect-0"]), "s"),
            Metric("`streamdet run` to the first published frame", median(firsts_s), "s"),
        ],
        details={"check_s": checks_s, "first_frame_s": firsts_s, "back_s": returns},
        notes=["the first frame of the runs above includes loading YOLOX-nano into OpenVINO"],
    )


def _check_s(material: Material) -> float:
    started_s = time.monotonic()
    subprocess.run(
        [*CLI, "check", "people"], env=material.environ, stdout=subprocess.DEVNULL, check=True
    )
    return time.monotonic() - started_s


def _first_frame_s(material: Material, url: str) -> float:
    client: Any = connect(url)
    client.delete(STREAM)
    started_s = time.monotonic()
    with running(pipeline_command(material.clip, url, STREAM), material):
        _wait_for(lambda: bool(client.exists(STREAM)), "a frame was published")
        return time.monotonic() - started_s


def _returns_s(material: Material, url: str, rounds: int) -> dict[str, list[float]]:
    """Kill workers of an endless run, one at a time: seconds until each has its lease again."""
    client: Any = connect(url)
    client.delete(STREAM)
    returns: dict[str, list[float]] = {consumer: [] for consumer in KILLED}
    endless = "synthetic:street?hw=240x320&frames=1000000"
    with running(pipeline_command(endless, url, STREAM), material) as process:
        _wait_for(lambda: bool(client.exists(STREAM)), "a frame was published")
        leases = next(client.scan_iter("streamdet:*:leases"))
        for _ in range(rounds):
            for consumer in KILLED:
                before = client.hget(leases, consumer)
                started_s = time.monotonic()
                os.kill(_pid(process.pid, consumer), signal.SIGKILL)
                _wait_for(
                    lambda before=before, consumer=consumer: (  # type: ignore[misc]
                        client.hget(leases, consumer) != before
                    ),
                    f"{consumer} was back",
                )
                returns[consumer].append(time.monotonic() - started_s)
                time.sleep(0.5)
    return returns


def _pid(supervisor: int, consumer: str) -> int:
    return next(pid for pid, name in descendants(supervisor).items() if name == f"sd:{consumer}")


def _wait_for(is_so: Callable[[], bool], what: str, limit_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > deadline:
            raise StreamdetError(f"start: {limit_s:g} s went by before {what}")
        time.sleep(0.002)
