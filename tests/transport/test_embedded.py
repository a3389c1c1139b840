"""The private server: there at once, for this user only, gone with whoever started it."""

from __future__ import annotations

import importlib.util
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from streamdet.errors import ConfigError, TransportError
from streamdet.transport.bus import Commit, GroupLayout, RunLayout, Step
from streamdet.transport.connection import connect
from streamdet.transport.embedded import EmbeddedRedis, find_server
from streamdet.transport.redis_bus import RedisBus

START_AND_SLEEP = """
import sys, time
from pathlib import Path
from streamdet.transport.embedded import EmbeddedRedis
print(EmbeddedRedis(Path(sys.argv[1])).process.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    # The path of a unix socket may have 107 characters: tmp_path is too long for it.
    with tempfile.TemporaryDirectory(prefix="sd-") as name:
        yield Path(name)


def test_it_is_told_no_secrets_of_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMERA_PASSWORD", "canary")
    server = EmbeddedRedis(folder)
    try:
        environ = Path(f"/proc/{server.process.pid}/environ").read_bytes()
    finally:
        server.stop()
    assert b"canary" not in environ


def test_it_answers_on_no_port_and_keeps_nothing(folder: Path) -> None:
    server = EmbeddedRedis(folder)
    client: Any = connect(server.url)
    config = client.config_get("*")
    client.close()
    server.stop()
    wanted = {"port": "0", "save": "", "appendonly": "no", "maxmemory-policy": "noeviction"}
    assert {name: config[name] for name in wanted} == wanted


def test_its_socket_is_not_for_others(folder: Path) -> None:
    server = EmbeddedRedis(folder)
    mode = stat.S_IMODE((folder / "redis.sock").stat().st_mode)
    server.stop()
    assert mode == 0o700


def test_it_is_gone_after_stop(folder: Path) -> None:
    server = EmbeddedRedis(folder)
    assert server.is_alive()
    server.stop()
    assert not server.is_alive()
    assert not psutil.pid_exists(server.process.pid)


def test_it_dies_with_the_process_that_started_it(folder: Path) -> None:
    command = [sys.executable, "-c", START_AND_SLEEP, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    deadline = time.monotonic() + 2
    while is_running(server) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(server)


def test_a_server_in_the_wheel_serves_where_none_is_on_the_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    assert find_server().name == "valkey-server"
    server = EmbeddedRedis(folder)
    layout = RunLayout("run", {"front": GroupLayout(has_sink=True)}, {"prepare": 1})
    bus = RedisBus(connect(server.url), layout)
    bus.create()
    lease = bus.take_lease("front", "front-0")
    result = bus.step(Step(lease, [Commit("cam", 0)], positions={"cam": bytes(range(256))}))
    assert (result.accepted, bus.positions()) == (1, {"cam": bytes(range(256))})
    bus.close()
    server.stop()


def test_no_server_anywhere_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="install redis-server or valkey-server"):
        EmbeddedRedis(folder)


def test_a_server_that_does_not_start_says_why_and_leaves_nothing(folder: Path) -> None:
    (folder / "redis.sock").mkdir()  # in the way
    with pytest.raises(TransportError, match=r"the embedded Redis server does not start: .*socket"):
        EmbeddedRedis(folder)


def is_running(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
