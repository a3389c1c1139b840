"""A server that is restarted while frames are under way, or whose replica takes its place."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamdet.errors import TransportError
from streamdet.transport.bus import Commit, Step
from streamdet.transport.connection import connect
from streamdet.transport.redis_bus import RedisBus, run_prefix
from streamdet.worker.batch_reader import BatchReader
from streamdet.worker.intake import Intake
from tests.faults.place import Place
from tests.faults.storm import (
    assert_each_once_in_order,
    errors_in,
    lines_of,
    output_of,
    streamdet,
    wait_for_lines,
)
from tests.redis_server import RedisServer
from tests.toy_run import back_plan, run_plan
from tests.worker.test_batch_reader import LAYOUT, frame


@pytest.mark.parametrize("count", [0, 1, 9, 1000])
def test_what_was_read_and_not_committed_is_read_again_after_a_restart(
    count: int, server: RedisServer
) -> None:
    # With everysec, a write is put off for up to 2 s while the disk is busy, and a kill loses it.
    server.client().config_set("appendfsync", "always")
    before = RedisBus(connect(server.url), LAYOUT)
    before.create()
    front = before.take_lease("front", "front-0")
    for index in range(count + 3):
        commit = Commit("cam", index, outputs=[("back", frame(index))])
        before.step(Step(front, [commit], positions={"cam": b""}))
    lease = before.take_lease("back", "back-0")
    assert len(before.read(lease, count, 0.1) if count else []) == count
    before.close()
    server.kill()
    server.start()
    bus = RedisBus(connect(server.url), LAYOUT)
    lease = bus.take_lease("back", "back-0")
    intake = Intake(bus, lease, back_plan(run_plan(Path(), "cam")))
    reader = BatchReader(intake, batch=8, max_wait_s=0, next_index={"cam": 0})
    seen: list[int] = []
    while len(seen) < count + 3:
        batch = reader.next_batch()
        assert batch
        seen += [item.message.index for item in batch]
        commits = [Commit("cam", item.message.index, item.entry_id) for item in batch]
        assert bus.step(Step(lease, commits)).accepted == len(batch)
    assert seen == list(range(count + 3))
    client: Any = server.client()
    stream = f"{run_prefix(LAYOUT.run_id)}in:back"
    assert (client.xlen(stream), client.xpending(stream, "workers")["pending"]) == (0, 0)
    bus.close()


class Pair:
    """A primary and its replica, at one address that leads to one of them at a time."""

    def __init__(self, folder: Path, port: int) -> None:
        self._link = folder / "redis.sock"
        self.url = f"unix://{self._link}"
        at_once = ("--repl-diskless-sync-delay", "0")
        own = ("--port", str(port), "--bind", "127.0.0.1", *at_once)
        self.primary = RedisServer(_folder(), *own)
        self.replica = RedisServer(_folder(), "--replicaof", "127.0.0.1", str(port))
        self._lead_to(self.primary)

    def wait_until_copied(self) -> None:
        client: Any = self.primary.client()
        assert client.wait(1, 10_000) == 1

    def fail_over(self) -> None:
        """Kill the primary; let the replica take its place."""
        self.primary.kill()
        client: Any = self.replica.client()
        client.execute_command("REPLICAOF", "NO", "ONE")
        self._lead_to(self.replica)

    def _lead_to(self, server: RedisServer) -> None:
        new = self._link.with_suffix(".new")
        new.symlink_to(server.folder / "redis.sock")
        new.replace(self._link)

    def stop(self) -> None:
        self.replica.stop()
        self.primary.stop()


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="sd-redis-"))


@pytest.fixture
def pair(unused_port: int) -> Iterator[Pair]:
    made = Pair(_folder(), unused_port)
    yield made
    made.stop()


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@pytest.mark.nightly
def test_a_replica_that_takes_the_place_of_its_primary_leaves_the_file_exact(
    place: Place, pair: Pair, tmp_path: Path
) -> None:
    lines = tmp_path / "o.jsonl"
    source = "synthetic:street?frames=300&hw=240x320"
    run = (
        "run",
        "people",
        "--set",
        "detect.model=hog_people",
        "--set",
        "prepare.shortest_edge=128",
    )
    arguments = ["--source", source, "--output", str(lines), "--redis", pair.url]
    with streamdet(*run, *arguments, env=place.env) as process:
        wait_for_lines(lines, 50, process)
        pair.wait_until_copied()
        pair.fail_over()
        back_s = time_to_next_lines(lines, process)
        text = output_of(process, 60)
    assert (process.returncode, errors_in(text)) == (0, []), text
    assert_each_once_in_order(lines_of(lines), {"street": 300})
    print(f"results again {back_s:.2f} s after the replica took over")
    place.assert_clean(pair.replica.client())


def time_to_next_lines(lines: Path, process: subprocess.Popen[str]) -> float:
    """Seconds until there are results that were not there before."""
    started_s = time.monotonic()
    wait_for_lines(lines, len(lines_of(lines)) + 5, process)
    return time.monotonic() - started_s


def test_a_step_that_a_replica_refuses_is_told_in_words(pair: Pair) -> None:
    pair.wait_until_copied()
    bus = RedisBus(connect(pair.replica.url), LAYOUT)
    with pytest.raises(TransportError, match="read only replica"):
        bus.create()
    bus.close()
