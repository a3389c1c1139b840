"""Programs run and measured from outside: how fast they publish, what they cost."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from streamdet.bench.machine import QUIET_CORES, busy_s, wait_until_quiet
from streamdet.bench.material import Material
from streamdet.errors import StreamdetError
from streamdet.transport.connection import connect
from streamdet.transport.embedded import EmbeddedRedis

CLI: Final = (sys.executable, "-m", "streamdet.cli")
LIMIT_S: Final = 600.0
ATTEMPTS: Final = 2


@contextmanager
def private_redis() -> Iterator[str]:
    """Run a Redis server of our own; gives its address."""
    with tempfile.TemporaryDirectory(prefix="sd-bench-") as folder:
        server = EmbeddedRedis(Path(folder))
        try:
            yield server.url
        finally:
            server.stop()


def pipeline_command(source: Path | str, url: str, stream: str, *overrides: str) -> list[str]:
    """Write the command that runs pipelines/people.yaml with YOLOX-nano."""
    overrides = ("detect.model=yolox_nano", f"publish.stream={stream}", *overrides)
    sets = [word for override in overrides for word in ("--set", override)]
    return [*CLI, "run", "people", "--source", str(source), "--redis", url, *sets]


@contextmanager
def running(command: Sequence[str], material: Material) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in the background; in the end it is stopped at once, by two signals."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=material.environ, stdout=quiet, stderr=quiet) as process:
        try:
            yield process
        finally:
            process.terminate()
            time.sleep(0.2)
            process.terminate()


def run_quietly(
    command: Sequence[str], material: Material, url: str, stream: str
) -> dict[str, float]:
    """Run a program while nobody else uses the machine, as far as that can be had.

    Returns:
        As `run_once`, of the less disturbed of two attempts at most.
    """

    def attempt() -> dict[str, float]:
        wait_until_quiet()
        return run_once(command, material, url, stream)

    return quietest(attempt)


def quietest(attempt: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Try until a run was not disturbed, ATTEMPTS times at most; the least disturbed counts."""
    attempts: list[dict[str, float]] = []
    while len(attempts) < ATTEMPTS:
        attempts.append(attempt())
        if attempts[-1]["others_cores"] <= QUIET_CORES:
            break
    return min(attempts, key=lambda one: one["others_cores"])


def run_once(command: Sequence[str], material: Material, url: str, stream: str) -> dict[str, float]:
    """Run a program that publishes an entry per frame to a Redis stream.

    Returns:
        frames: entries published.
        fps: frames a second, from the first one published to the last.
        wall_s: from start to end.
        cpu_s: CPU seconds of the program, all its processes, and the Redis server.
        others_cores: cores that everybody else used meanwhile.

    Raises:
        StreamdetError: it failed.
    """
    client: Any = connect(url)
    client.delete(stream)
    cpu_before_s, busy_before_s, started_s = _cpu_s(client), busy_s(), time.monotonic()
    done = subprocess.run(
        command,
        env=material.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    wall_s = time.monotonic() - started_s
    if done.returncode != 0:
        raise StreamdetError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    cpu_s = _cpu_s(client) - cpu_before_s
    return _published(client, stream) | {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "others_cores": max(0.0, busy_s() - busy_before_s - cpu_s) / wall_s,
    }


def _published(client: Any, stream: str) -> dict[str, float]:
    first, last = client.xrange(stream, count=1), client.xrevrange(stream, count=1)
    if not first:
        raise StreamdetError("the program that was measured has published nothing")
    # An entry's id begins with the server's clock in milliseconds.
    stamps_ms = [int(entries[0][0].partition(b"-")[0]) for entries in (first, last)]
    frames = client.xlen(stream)
    span_ms = max(1, stamps_ms[1] - stamps_ms[0])
    return {"frames": frames, "fps": (frames - 1) * 1000 / span_ms}


def _cpu_s(client: Any) -> float:
    """CPU seconds of our children that have ended, and of the server."""
    used, info = resource.getrusage(resource.RUSAGE_CHILDREN), client.info("cpu")
    server_s = float(info["used_cpu_user"]) + float(info["used_cpu_sys"])
    return used.ru_utime + used.ru_stime + server_s
