"""What a server says of itself, and what of it is refused or warned of."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from streamdet.errors import ConfigError, TransportError
from streamdet.transport.connection import connect
from streamdet.transport.refusals import explained, unanswered
from streamdet.transport.server_check import check_server, rehearse
from tests.redis_server import RedisServer

SECRET = "s3cret"


class FakeClient(redis.Redis):
    """A client of a server that says this of itself."""

    def __init__(self, **info: Any) -> None:
        self.answer = {"redis_version": "7.0.15", "aof_enabled": 1, "role": "master"} | info

    def info(self, *args: Any, **kwargs: Any) -> Any:
        return self.answer

    def __del__(self) -> None:
        """There is no connection to close."""


@pytest.mark.parametrize("version", ["6.0.16", "5.0", "4.0.9-rc1"])
def test_an_old_server_is_refused(version: str) -> None:
    with pytest.raises(ConfigError, match=f"is version {version}, wanted 6.2 or newer"):
        check_server(FakeClient(redis_version=version), "redis://host")


@pytest.mark.parametrize("version", ["6.2.0", "7.0.15", "10.0", "v7.4-ce"])
def test_a_new_server_is_taken(version: str) -> None:
    assert check_server(FakeClient(redis_version=version), "redis://host") == []


def test_eviction_is_warned_of_only_where_memory_is_bounded() -> None:
    policy = {"maxmemory_policy": "allkeys-lru"}
    (warning,) = check_server(FakeClient(**policy, maxmemory=1 << 20), f"redis://:{SECRET}@host")
    assert "may evict the run's keys (maxmemory-policy allkeys-lru)" in warning
    assert SECRET not in warning
    assert check_server(FakeClient(**policy, maxmemory=0), "redis://host") == []


def test_a_server_that_forgets_and_one_that_only_copies_are_warned_of() -> None:
    copies_too = FakeClient(aof_enabled=0, role="slave", slave_read_only=0)
    forgets, copies = check_server(copies_too, "redis://host")
    assert "keeps no append-only file" in forgets
    assert "is a replica" in copies


def test_a_replica_that_cannot_be_written_to_names_its_primary() -> None:
    replica = FakeClient(role="slave", slave_read_only=1, master_host="main", master_port=6380)
    with pytest.raises(ConfigError, match=r"is a replica .*: name its primary, redis://main:6380"):
        check_server(replica, "redis://host")


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        ({"redis_mode": "cluster"}, "is a Redis Cluster"),
        ({"server_mode": "cluster"}, "is a Redis Cluster"),
        ({"cluster_enabled": 1}, "is a Redis Cluster"),
        ({"redis_mode": "sentinel"}, "is a Sentinel, which holds no data"),
    ],
)
def test_a_server_of_another_kind_is_refused(info: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        check_server(FakeClient(**info), "redis://host")


def test_a_server_that_still_loads_its_data_is_a_sentence() -> None:
    with pytest.raises(TransportError, match="is still loading its data: try again"):
        check_server(FakeClient(loading=1), "redis://host")


def test_a_rehearsal_leaves_a_server_as_it_was(redis_server: RedisServer) -> None:
    client: Any = connect(redis_server.url)
    client.xadd("kept", {"a": "b"})
    before = {key: client.dump(key) for key in client.keys("*")}
    rehearse(client, redis_server.url, ["kept", "not-there"])
    assert {key: client.dump(key) for key in client.keys("*")} == before
    client.delete("kept")


def test_a_public_stream_that_is_something_else_shows_before_the_run(
    redis_server: RedisServer,
) -> None:
    client: Any = connect(redis_server.url)
    client.set("taken", 1)
    with pytest.raises(ConfigError, match="the key taken holds a string, wanted a stream"):
        rehearse(client, redis_server.url, ["taken"])
    client.delete("taken")
    assert client.keys("streamdet:*check*") == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "User app has no permissions to run the 'xgroup|create' command",  # Redis 7
            "may not run XGROUP|CREATE: allow it, ACL SETUSER app +xgroup|create",
        ),
        (
            "this user has no permissions to run the 'xadd' command or its subcommand",  # Redis 6.2
            "may not run XADD: allow it, ACL SETUSER USER +xadd",
        ),
        ("this user has no permissions to access one of the keys used as arguments", "streamdet:*"),
        ("ERR The user executing the script can't run this command or subcommand", "+@stream"),
        ("unknown command `XADD`, with args beginning with: ", "lacks a command of Redis 6.2"),
        ("Keys in request don't hash to the same slot", "is a Redis Cluster"),
        ("MOVED 3999 127.0.0.1:6381", "is a Redis Cluster"),
        ("command not allowed when used memory > 'maxmemory'.", "raise maxmemory, or delete keys"),
        ("Authentication required.", "redis://USER:PASSWORD@HOST:PORT"),
    ],
)
def test_a_refusal_says_what_to_do(words: str, sentence: str) -> None:
    assert sentence in explained(words)


@pytest.mark.parametrize(
    ("url", "exc", "hint"),
    [
        ("redis://h", redis.ConnectionError("Connection closed by server."), "write rediss://"),
        ("redis://h", redis.ConnectionError("Error 111 connecting. Connection refused."), ""),
        ("rediss://h", redis.TimeoutError("Timeout connecting to server"), "write redis://"),
        ("rediss://h", redis.ConnectionError("[SSL: CERTIFICATE_VERIFY_FAILED]"), "ssl_ca_certs"),
        ("unix:///s", redis.ConnectionError("Error 2 connecting. No such file"), ""),
    ],
)
def test_a_wrong_kind_of_connection_is_hinted_at(url: str, exc: Exception, hint: str) -> None:
    _, _, hinted = unanswered(url, exc).partition(")")
    assert hint in hinted
    assert bool(hint) == bool(hinted)
