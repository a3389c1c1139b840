"""Connections to a Redis server."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from streamdet.errors import ConfigError
from streamdet.system.redaction import redacted

ANSWER_LIMIT_S: Final = 3.0
"""Longest wait for an answer; longer than any blocking read (see batch_reader.WAIT_S)."""
_pack: Any = hiredis.pack_command  # its stub knows commands of one word only


def connect(url: str, *, is_single: bool = False) -> redis.Redis:
    """Make a client for redis://, rediss:// (TLS) or unix:// addresses; connects when first used.

    Args:
        url: the address.
        is_single: connect only once. A server that was killed may come back without its latest
            writes: a worker that relies on them must stop.

    Raises:
        ConfigError: the address is not one of these.
    """
    try:
        client = redis.Redis.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),  # a worker recovers by itself, from the committed state
            socket_timeout=ANSWER_LIMIT_S,
            socket_connect_timeout=ANSWER_LIMIT_S,
            redis_connect_func=_first_time_only() if is_single else None,
        )
        client.connection_pool.make_connection()  # looks at the parameters, and does not connect
    except (ValueError, TypeError, redis.RedisError) as exc:
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(exc))
        why = f" without the parameter {unknown[1]!r}" if unknown else ""
        raise ConfigError(
            f"redis: {redacted(url)!r} is not an address: wanted `embedded`, redis://HOST:PORT,"
            f" rediss://HOST:PORT or unix:///PATH{why}"
        ) from exc
    return client


def is_on_this_machine(url: str) -> bool:
    """Whether only users of this machine reach a server, as far as its address says."""
    return url.startswith("unix:") or urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def _first_time_only() -> Callable[[Any], None]:
    """Make a callback that refuses the second connection."""
    is_used = False

    def greet(connection: Any) -> None:
        nonlocal is_used
        if is_used:
            raise redis.ConnectionError("the server was away")
        is_used = True
        connection.on_connect()

    return greet


def ask(client: redis.Redis, *command: str | bytes | int | float) -> Any:
    """Send one command: see `ask_all`."""
    (answer,) = ask_all(client, [command])
    return answer


def ask_all(client: redis.Redis, commands: Sequence[tuple[str | bytes | int | float, ...]]) -> Any:
    """Send commands at once over one connection of the client; return the plain answers.

    redis-py's connection pool, checks and callbacks take 45 us of a round trip of 125 us (medians;
    a virtual machine with two cores).

    Raises:
        redis.RedisError: as redis-py does; an error answer only after all answers have been read.
    """
    connection = _kept_connection(client)
    try:
        connection.send_packed_command([b"".join(map(_pack, commands))])
        answers = [_answer(connection) for _ in commands]
    except BaseException:
        connection.disconnect()  # an unread answer would be taken for that of the next command
        raise
    for answer in answers:
        for part in answer if isinstance(answer, list) else [answer]:  # EXEC answers with a list
            if isinstance(part, redis.ResponseError):
                raise part
    return answers


def _kept_connection(client: Any) -> Any:
    """The connection that all commands of a client share; its pipelines do not."""
    if client.connection is None:
        client.connection = client.connection_pool.get_connection()
    return client.connection


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as exc:
        return exc
