"""Servers as they are hosted: users with few rights, clusters, sentinels, replicas, busy ones."""

from __future__ import annotations

import re
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from streamdet.errors import ConfigError
from streamdet.transport.connection import connect
from streamdet.transport.embedded import find_server
from streamdet.transport.server_check import rehearse
from tests.cases.machine import STREET, streamdet
from tests.redis_server import RedisServer

RUN = ("run", "people", "--source", STREET)
PAGE = (Path(__file__).parents[2] / "docs" / "machines.md").read_text()
(RULES,) = re.findall(r"ACL SETUSER streamdet-run on >PASSWORD (.*)", PAGE)
_EACH = "auth client|id client|setinfo client|setname hello ping quit reset select".split()  # noqa: SIM905
"""Which a run does without, or which everybody may."""
NEEDED = re.findall(r"\+([a-z|]+)", RULES)
"""Every command that the page names."""


@contextmanager
def server(*settings: str) -> Iterator[RedisServer]:
    made = RedisServer(Path(tempfile.mkdtemp(prefix="sd-redis-")), *settings)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisServer]:
    with server() as made:
        yield made


def refused(url: str, code: int = 2) -> str:
    """The one line that a run says when it refuses a server."""
    done = streamdet(*RUN, env={"STREAMDET_REDIS": url}, code=code)
    (line,) = [line for line in done.stderr.splitlines() if line]
    return line


def as_user(shared: RedisServer, *rules: str) -> str:
    client: Any = shared.client()
    client.execute_command("ACL", "SETUSER", "app", "reset", "on", ">p@ss/#1", *rules)
    return f"{shared.url}?username=app&password=p%40ss%2F%231"


@pytest.mark.parametrize(
    ("rules", "warns"),
    [
        (("~*", "&*", "+@all", "-@dangerous"), True),
        (("~*", "&*", "+@all", "-client", "-config", "-info", "-select", "-hello"), True),
        (("~streamdet:*", "~detections", "+@all", "-@admin", "-@dangerous", "+info"), False),
        (tuple(RULES.split()), True),
    ],
)
def test_a_user_with_few_rights_runs(
    shared: RedisServer, rules: tuple[str, ...], *, warns: bool
) -> None:
    shared.client().delete("detections")
    done = streamdet(*RUN, env={"STREAMDET_REDIS": as_user(shared, *rules)})
    assert shared.client().xlen("detections") == 5
    assert ("does not allow INFO" in done.stderr) == warns
    assert shared.client().keys("streamdet:*") == []


@pytest.mark.parametrize("command", [name for name in NEEDED if name not in ("eval", *_EACH)])
def test_a_needed_command_that_is_denied_is_named_with_its_rule(
    shared: RedisServer, command: str
) -> None:
    shared.client().script_flush()  # so that EVAL is wanted too
    url = as_user(shared, "~*", "+@all", f"-{command}")
    client = connect(url)
    with pytest.raises(ConfigError) as caught:
        rehearse(client, url, ["detections"])
    client.close()
    assert f"may not run {command.upper()}: allow it, " in str(caught.value)
    assert f" +{command}" in str(caught.value)
    assert shared.client().keys("streamdet:*") == []


def test_a_denied_command_and_denied_keys_are_one_sentence_of_a_run(shared: RedisServer) -> None:
    sentence = refused(as_user(shared, "~*", "+@all", "-xadd"))
    assert "may not run XADD: allow it, ACL SETUSER app +xadd" in sentence
    assert "~detections" in refused(as_user(shared, "~streamdet:*", "+@all"))


def test_a_wrong_password_is_one_sentence_that_does_not_show_it(shared: RedisServer) -> None:
    sentence = refused(f"{shared.url}?username=app&password=s3cret")
    assert "invalid username-password pair" in sentence
    assert "s3cret" not in sentence


def test_a_cluster_says_so_and_what_to_use() -> None:
    port = free_port()
    with server("--cluster-enabled", "yes", "--port", str(port), "--cluster-port", "0"):
        sentence = refused(f"redis://127.0.0.1:{port}")
    assert "is a Redis Cluster" in sentence
    assert "use a server that is no cluster" in sentence


def test_a_cluster_that_hides_its_info_is_told_by_hello() -> None:
    port = free_port()
    with server("--cluster-enabled", "yes", "--port", str(port)) as cluster:
        url = as_user(cluster, "~*", "+@all", "-@dangerous")
        assert "is a Redis Cluster" in refused(url)


def test_a_sentinel_is_told_from_a_server() -> None:
    folder, port = Path(tempfile.mkdtemp(prefix="sd-redis-")), free_port()
    (folder / "sentinel.conf").write_text(f"port {port}\ndir {folder}\n")
    with started([find_server(), folder / "sentinel.conf", "--sentinel"], port):
        assert "is a Sentinel, which holds no data" in refused(f"redis://127.0.0.1:{port}")


def test_a_replica_names_its_primary() -> None:
    with server("--replicaof", "127.0.0.1 1") as replica:
        assert "name its primary, redis://127.0.0.1:1" in refused(replica.url)


def test_a_server_that_may_evict_is_warned_of_and_runs() -> None:
    with server("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as evicting:
        done = streamdet(*RUN, env={"STREAMDET_REDIS": evicting.url})
    assert "may evict the run's keys (maxmemory-policy allkeys-lru)" in done.stderr


def test_a_full_server_and_a_missing_password_say_what_to_do() -> None:
    with server("--maxmemory", "3mb", "--requirepass", "pw") as full:
        sentence = refused(full.url)
        assert "it wants a password: put it into the address" in sentence
        client = redis.Redis.from_url(f"{full.url}?password=pw")
        client.rpush("full", "x" * 1_000_000)
        client.config_set("maxmemory", "1mb")  # less than is used, whatever else is freed
        sentence = refused(f"{full.url}?password=pw", code=1)
    assert "its memory is full: raise maxmemory, or delete keys" in sentence


def test_a_server_without_streams_is_one_sentence() -> None:
    with server("--rename-command", "XGROUP", "") as other:
        assert "lacks a command of Redis 6.2" in refused(other.url)


def test_a_server_that_has_renamed_info_and_client_runs() -> None:
    hidden = ("INFO", "CLIENT", "CONFIG")
    with server(*(word for name in hidden for word in ("--rename-command", name, ""))) as hosted:
        done = streamdet(*RUN, env={"STREAMDET_REDIS": hosted.url})
    assert "in 5 frames" in done.stdout
    assert "does not allow INFO" in done.stderr


@pytest.mark.nightly  # a minute: the server loads slowly
def test_a_server_that_is_loading_says_to_wait() -> None:
    with server("--appendonly", "no") as full:
        client = full.client()
        client.mset({f"key-{number}": "x" * 100 for number in range(4000)})
        client.save()
        dump = (full.folder / "dump.rdb").read_bytes()
    folder, port = Path(tempfile.mkdtemp(prefix="sd-redis-")), free_port()
    (folder / "dump.rdb").write_bytes(dump)
    slow = ["--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"]
    with started([find_server(), "--port", str(port), "--dir", str(folder), *slow], port):
        assert "is still loading its data" in refused(f"redis://127.0.0.1:{port}", code=1)


def test_a_port_that_speaks_something_else_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=answer_as_tls, args=(listener,), daemon=True).start()
        sentence = refused(f"redis://127.0.0.1:{port}", code=1)
    assert "write rediss:// in place of redis://" in sentence


def answer_as_tls(listener: socket.socket) -> None:
    """Say what a TLS server says to plain text: an alert."""
    with suppress(OSError):  # the test is over
        while True:
            with listener.accept()[0] as caller:
                caller.recv(1 << 16)
                caller.sendall(b"\x15\x03\x01\x00\x02\x02\x46")


@contextmanager
def started(command: list[str | Path], port: int) -> Iterator[None]:
    """A server that need not be ready to serve, once it takes connections."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            redis.Redis(port=port).ping()
        except (redis.exceptions.BusyLoadingError, redis.ResponseError):
            break
        except redis.ConnectionError:
            time.sleep(0.02)
            continue
        break
    try:
        yield
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nothing uses, small enough for a cluster's second one."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 55_000:
            return port
