"""Programs run and measured from outside: how fast they publish, what they cost."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streamdet.bench.material import Material
from streamdet.errors import StreamdetError
from streamdet.transport.connection import connect
from streamdet.transport.embedded import EmbeddedRedis

LIMIT_S = 600.0


@contextmanager
def private_redis() -> Iterator[str]:
    """Run a Redis server of our own; gives its address."""
    with tempfile.TemporaryDirectory(prefix="sd-bench-") as folder:
        server = EmbeddedRedis(Path(folder))
        try:
            yield server.url
        finally:
            server.stop()


def pipeline_command(clip: Path, url: str, stream: str, *overrides: str) -> list[str]:
    """Write the command that runs pipelines/people.yaml with YOLOX-nano over a clip."""
    overrides = ("detect.model=yolox_nano", f"publish.stream={stream}", *overrides)
    sets = [word for override in overrides for word in ("--set", override)]
    return [*CLI, "run", "people", "--source", str(clip), "--redis", url, *sets]


CLI = (sys.executable, "-m", "streamdet.cli")


def run_measured(
    command: Sequence[str], material: Material, url: str, stream: str
) -> dict[str, float]:
    """Run a program that publishes an entry per frame to a Redis stream.

    Returns:
        frames: entries published.
        fps: frames a second, from the first one published to the last.
        wall_s: from start to end.
        cpu_s: CPU seconds of the program, all its processes, and the Redis server.

    Raises:
        StreamdetError: it failed.
    """
    client: Any = connect(url)
    client.delete(stream)
    cpu_before_s, started_s = _cpu_s(client), time.monotonic()
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
    frames = client.xlen(stream)
    span_s = (_stamp_ms(client.xrevrange(stream, count=1)) - _stamp_ms(
        client.xrange(stream, count=1))) / 1000  # fmt: skip
    return {
        "frames": frames,
        "fps": (frames - 1) / span_s,
        "wall_s": wall_s,
        "cpu_s": _cpu_s(client) - cpu_before_s,
    }


def _cpu_s(client: Any) -> float:
    """CPU seconds of our children that have ended, and of the server."""
    used, info = resource.getrusage(resource.RUSAGE_CHILDREN), client.info("cpu")
    server_s = float(info["used_cpu_user"]) + float(info["used_cpu_sys"])
    return used.ru_utime + used.ru_stime + server_s


def _stamp_ms(entries: list[Any]) -> int:
    """When the server took an entry, by its id."""
    return int(entries[0][0].partition(b"-")[0])
