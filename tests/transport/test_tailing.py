"""Reading a public stream as a downstream program does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from uuid import uuid4

import pytest

from streamdet.errors import ConfigError, TransportError
from streamdet.transport.tailing import follow, newest, streams
from tests.redis_server import RedisServer


@pytest.fixture
def stream() -> str:
    return f"public-{uuid4().hex}"


def test_the_newest_message_is_the_last_one(redis_server: RedisServer, stream: str) -> None:
    assert newest(redis_server.url, stream) is None
    for text in ("first", "last"):
        redis_server.client().xadd(stream, {"metadata": text})
    message = newest(redis_server.url, stream)
    assert message is not None
    assert message.fields == {"metadata": b"last"}


def test_the_streams_that_there_are_are_named_but_those_of_runs(
    redis_server: RedisServer, stream: str
) -> None:
    client = redis_server.client()
    client.xadd(stream, {"metadata": "x"})
    client.xadd("streamdet:{0a}:in:detect", {"m": "x"})
    client.set(f"{stream}-text", "x")
    named = streams(redis_server.url)
    assert [name for name in named if name.startswith((stream, "streamdet:"))] == [stream]
    client.delete("streamdet:{0a}:in:detect")


def test_following_from_the_start_gives_all_there_is_then_what_comes(
    redis_server: RedisServer, stream: str
) -> None:
    client = redis_server.client()
    client.xadd(stream, {"metadata": "0"})
    client.xadd(stream, {"metadata": "1"})
    messages = follow(redis_server.url, stream, "0")
    there = [next(messages), next(messages)]
    assert [message and message.fields["metadata"] for message in there] == [b"0", b"1"]
    assert next(messages) is None  # silence is told
    client.xadd(stream, {"metadata": "2"})
    message = next(messages)
    assert message is not None
    assert message.fields["metadata"] == b"2"
    messages.close()  # type: ignore[attr-defined]


def test_nothing_is_missed_that_comes_between_two_reads(
    redis_server: RedisServer, stream: str
) -> None:
    client = redis_server.client()
    client.xadd(stream, {"metadata": "old"})
    messages = follow(redis_server.url, stream, "$")
    assert next(messages) is None
    client.xadd(stream, {"metadata": "new"})  # nobody is reading now
    message = next(messages)
    assert message is not None
    assert message.fields["metadata"] == b"new"
    messages.close()  # type: ignore[attr-defined]


def test_what_is_no_stream_is_refused(redis_server: RedisServer, stream: str) -> None:
    redis_server.client().set(stream, "text")
    with pytest.raises(ConfigError, match="refuses us: WRONGTYPE"):
        next(follow(redis_server.url, stream, "$"))


def test_a_wrong_password_is_said_as_such(stream: str) -> None:
    server = RedisServer(Path(tempfile.mkdtemp(prefix="sd-redis-")), "--requirepass", "right")
    url = f"{server.url}?password=wr0ng"
    with pytest.raises(ConfigError, match="refuses us: invalid username-password") as caught:
        next(follow(url, stream, "$"))
    assert "wr0ng" not in str(caught.value)
    server.stop()


def test_a_server_that_goes_away_ends_it_with_a_sentence(stream: str) -> None:
    server = RedisServer(Path(tempfile.mkdtemp(prefix="sd-redis-")))
    messages = follow(server.url, stream, "$")
    assert next(messages) is None
    server.kill()
    with pytest.raises(TransportError, match=r"does not answer any more$"):
        next(messages)
    with pytest.raises(TransportError, match=r"does not answer$"):
        newest(server.url, stream)
    server.stop()
