"""Connections to a Redis server, and checks whether it is safe to use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from streamdet.errors import ConfigError, TransportError
from streamdet.system.redaction import redacted

OLDEST_VERSION: Final = (6, 2)
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
        return redis.Redis.from_url(
            url,
            protocol=2,
            retry=Retry(NoBackoff(), 0),  # a worker recovers by itself, from the committed state
            socket_timeout=ANSWER_LIMIT_S,
            socket_connect_timeout=ANSWER_LIMIT_S,
            redis_connect_func=_first_time_only() if is_single else None,
        )
    except ValueError as exc:
        raise ConfigError(
            f"redis: {redacted(url)!r} is not an address: wanted `embedded`, redis://HOST:PORT,"
            " rediss://HOST:PORT or unix:///PATH"
        ) from exc


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


def check_server(client: redis.Redis, url: str) -> list[str]:
    """Check a server before a run uses it.

    Returns:
        One sentence for each thing that is unsafe.

    Raises:
        ConfigError: the server is too old, or refuses us.
        TransportError: it does not answer.
    """
    shown = redacted(url)
    try:
        info: dict[str, Any] = client.info()
    except (redis.AuthenticationError, redis.ResponseError) as exc:
        raise ConfigError(f"redis: {shown} refuses us: {exc}") from exc
    except (redis.RedisError, OSError) as exc:
        raise TransportError(f"redis: {shown} does not answer ({type(exc).__name__})") from exc
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_VERSION:
        raise ConfigError(f"redis: {shown} is version {version}, wanted 6.2 or newer")
    return [f"redis: {shown} {warning}" for warning in _unsafe(info)]


def _unsafe(info: dict[str, Any]) -> list[str]:
    warnings = []
    policy = info.get("maxmemory_policy", "noeviction")
    if int(info.get("maxmemory", 0)) and policy != "noeviction":
        warnings.append(
            f"may evict the run's keys (maxmemory-policy {policy}); set it to noeviction"
        )
    if not int(info.get("aof_enabled", 0)):
        warnings.append(
            "keeps no append-only file: if it stops, a run cannot go on; set `appendonly yes`"
        )
    if info.get("role") == "slave":
        warnings.append("is a replica: it will refuse to be written to")
    return warnings
