"""The users of `streamdet redis-acl` do their work on a real server, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from streamdet import cli
from streamdet.transport.tailing import follow, newest, read_group
from tests.redis_server import RedisServer

SOURCE = "synthetic:street?frames=10&hw=240x320"
PASSWORD = "pw-1"


def rules(*words: str) -> list[str]:
    """What the command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "streamdet.cli", "redis-acl", *words],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server with the users that the command makes, and a key that is not theirs."""
    made = RedisServer(tmp_path_factory.mktemp("redis"))
    client: Any = made.client()
    for line in rules("people"):
        if not line.startswith("#"):
            client.execute_command(*line.replace(">PASSWORD", f">{PASSWORD}").split())
    client.set("other", "secret")
    client.hset("streamdet:{0123456789ab}:run", mapping={"beat": "1"})
    yield made
    made.stop()


def url(server: RedisServer, role: str) -> str:
    return f"{server.url}?username=streamdet-{role}&password={PASSWORD}"


def as_role(server: RedisServer, role: str) -> Any:
    return redis.Redis.from_url(url(server, role), protocol=2)


@pytest.fixture(scope="module")
def after_a_run(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> RedisServer:
    """The server after a run as `streamdet-run`."""
    report = tmp_path_factory.mktemp("out") / "r.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "streamdet.cli", "run", "people", "--source", SOURCE),
            *("--set", "detect.model=hog_people", "--set", "prepare.shortest_edge=128"),
            *("--redis", url(server, "run"), "--report", str(report)),
        ],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(report.read_text())["sources"][0]["published"] == 10
    return server


def test_a_reader_reads_what_is_published(after_a_run: RedisServer) -> None:
    address = url(after_a_run, "reader")
    assert newest(address, "detections") is not None
    assert next(follow(address, "detections", "0")) is not None


def test_a_consumer_shares_the_work(after_a_run: RedisServer) -> None:
    entries: Any = read_group(url(after_a_run, "consumer"), "detections", "g", None, 60)
    with closing(entries):
        assert next(entries) is not None
        assert next(entries) is not None


ATTACKS = {
    "reader": [
        ("GET", "other"),
        ("XADD", "detections", "*", "metadata", "{}"),
        ("XDEL", "detections", "0-1"),
        ("XTRIM", "detections", "MAXLEN", "0"),
        ("DEL", "detections"),
        ("XREADGROUP", "GROUP", "g", "c", "STREAMS", "detections", ">"),
        ("HGETALL", "streamdet:{0123456789ab}:run"),
        ("XRANGE", "streamdet:{0123456789ab}:in:back", "-", "+"),
        ("SUBSCRIBE", "any"),
    ],
    "consumer": [
        ("XADD", "detections", "*", "metadata", "{}"),
        ("XTRIM", "detections", "MAXLEN", "0"),
        ("UNLINK", "detections"),
        ("HGETALL", "streamdet:{0123456789ab}:run"),
        ("XREAD", "STREAMS", "other", "0"),
    ],
    "operator": [
        ("HSET", "streamdet:{0123456789ab}:run", "stop", "1"),
        ("XADD", "streamdet:{0123456789ab}:in:back", "*", "m", "forged"),
        ("XADD", "detections", "*", "metadata", "{}"),
        ("DEL", "streamdet:{0123456789ab}:run"),
        ("GET", "other"),
    ],
    "run": [("GET", "other"), ("SET", "other", "x"), ("DEL", "other"), ("RENAME", "a", "b")],
}
DANGEROUS = [
    ("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "GET", "*"), ("CONFIG", "SET", "dir", "/"),
    ("KEYS", "*"), ("SHUTDOWN",), ("ACL", "LIST"), ("CLIENT", "LIST"),
    ("CLIENT", "KILL", "TYPE", "normal"), ("MODULE", "LIST"), ("REPLICAOF", "NO", "ONE"),
    ("MONITOR",), ("SAVE",), ("FUNCTION", "LIST"), ("SCRIPT", "FLUSH"), ("INFO",),
    ("MIGRATE", "h", "1", "k", "0", "1"),
]  # fmt: skip


@pytest.mark.parametrize("role", list(ATTACKS))
def test_what_a_role_must_not_do_is_denied(server: RedisServer, role: str) -> None:
    client = as_role(server, role)
    for attack in (*ATTACKS[role], *DANGEROUS):
        with pytest.raises((redis.exceptions.NoPermissionError, redis.ResponseError)) as caught:
            client.execute_command(*attack)
        assert "permission" in str(caught.value).lower(), (attack, caught.value)
    assert server.client().get("other") == b"secret"
    client.close()


def test_a_script_reaches_no_foreign_key(server: RedisServer) -> None:
    client = as_role(server, "run")
    for script in ("return redis.call('GET', 'other')", "return redis.call('CONFIG', 'GET', '*')"):
        with pytest.raises(redis.ResponseError):
            client.eval(script, 0)
    client.close()


def test_only_the_wanted_roles_are_printed() -> None:
    printed = rules("people", "--role", "reader", "--prefix", "yard-")
    assert len(printed) == 2
    assert re.match(r"ACL SETUSER yard-reader on >PASSWORD .*%R~detections %R~events", printed[1])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--prefix", "a b"), "--prefix may have letters, digits and _ . - only"),
        (("--set", "publish.stream=a b"), "no rule can name the stream 'a b'"),
        (("--set", "publish.stream='*'"), "no rule can name the stream '*'"),
    ],
)
def test_names_that_would_widen_a_rule_are_refused(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["redis-acl", "people", *words]) == 2
    assert said in capsys.readouterr().err


def test_the_page_shows_the_rules_of_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["redis-acl", "people", "--role", "run"]) == 0
    rule = capsys.readouterr().out.splitlines()[1]
    assert rule in (Path(__file__).parents[2] / "docs" / "machines.md").read_text()
