"""Reads public streams, as a downstream program does."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import redis

from streamdet.errors import ConfigError, TransportError
from streamdet.system.redaction import redacted
from streamdet.transport.connection import connect
from streamdet.transport.refusals import explained

WAIT_MS: Final = 500
INTERNAL: Final = "streamdet:{"
"""How the keys of runs begin: see redis_bus.run_prefix."""
_Entry = tuple[bytes, dict[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class PublicMessage:
    """An entry of a public stream."""

    id: bytes
    fields: Mapping[str, bytes]


def newest(url: str, stream: str) -> PublicMessage | None:
    """Read the newest entry of a stream; None while there is none.

    Raises:
        TransportError: the server does not answer.
    """
    client: Any = connect(url)
    try:
        entries = client.xrevrange(stream, count=1)
    except (redis.RedisError, OSError) as exc:
        raise _lost(url, exc, was_there=False) from exc
    finally:
        client.close()
    return _message(entries[0]) if entries else None


def page(url: str, stream: str, before: str, count: int) -> list[PublicMessage]:
    """Read entries of a stream, newest first.

    Args:
        url: the server.
        stream: key of the stream; it need not exist.
        before: an entry's id: only older ones; "" for the newest.
        count: how many, at most.

    Raises:
        ConfigError: the server refuses us, or the id is none.
        TransportError: the server does not answer.
    """
    client: Any = connect(url)
    try:
        last = f"({before}" if before else "+"
        return [_message(entry) for entry in client.xrevrange(stream, max=last, count=count)]
    except (redis.RedisError, OSError) as exc:
        raise _lost(url, exc, was_there=True) from exc
    finally:
        client.close()


def streams(url: str) -> list[str]:
    """Name the public streams of a server, sorted; those between a run's stages are left out.

    Raises:
        ConfigError: the server refuses us.
        TransportError: the server does not answer.
    """
    client: Any = connect(url)
    try:
        names = {key.decode(errors="backslashreplace") for key in client.scan_iter(
            count=1000, _type="stream")}  # fmt: skip
    except (redis.RedisError, OSError) as exc:
        raise _lost(url, exc, was_there=False) from exc
    finally:
        client.close()
    return sorted(name for name in names if not name.startswith(INTERNAL))


def follow(url: str, stream: str, after_id: str) -> Iterator[PublicMessage | None]:
    """Read a stream's entries as they are added; yields None when nothing came for a while.

    Args:
        url: the server.
        stream: key of the stream.
        after_id: "0" for all there are, "$" for new ones only: those added after the first read
            has begun, with none left out between reads.

    Raises:
        ConfigError: the server refuses the connection, or the key is not a stream.
        TransportError: the server does not answer, or stops answering.
    """
    client: Any = connect(url)
    is_there = False
    try:
        if after_id == "$":
            entries = client.xrevrange(stream, count=1)
            after_id = entries[0][0] if entries else "0"
        is_there = True
        while True:
            answer = client.xread({stream: after_id}, count=256, block=WAIT_MS)
            if not answer:
                yield None
            for entry in answer[0][1] if answer else ():
                after_id = entry[0]
                yield _message(entry)
    except (redis.RedisError, OSError) as exc:
        raise _lost(url, exc, was_there=is_there) from exc
    finally:
        client.close()


def read_group(
    url: str, stream: str, group: str, consumer: str | None, claim_after_s: float
) -> Iterator[PublicMessage | None]:
    """Read a stream as one consumer of a group; yields None when nothing came for a while.

    A message is acknowledged when the next one is requested. A message that was not acknowledged is
    delivered again: to a consumer of the same name at once, to any other after `claim_after_s`.

    Args:
        url: the server.
        stream: key of the stream; it need not exist yet.
        group: created if missing; starts with the oldest entry of the stream.
        consumer: this reader's name in the group; None: a new name, removed at the end.
        claim_after_s: take over messages that another consumer has not acknowledged for this long.

    Raises:
        ConfigError: the server refuses the connection, or the key is not a stream.
        TransportError: the server does not answer, or stops answering.
    """
    client: Any = connect(url)
    name = consumer or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    reader = _GroupReader(client, stream, group, name, round(claim_after_s * 1000))
    is_there = False
    try:
        reader.join()
        is_there = True
        while True:
            entry = reader.next()
            if entry is None:
                yield None
                continue
            if entry[1]:  # else it was trimmed before it was read
                yield _message(entry)
            client.xack(stream, group, entry[0])
    except (redis.RedisError, OSError) as exc:
        raise _lost(url, exc, was_there=is_there) from exc
    finally:
        if consumer is None:
            reader.leave()
        client.close()


class _GroupReader:
    """One consumer: reads its own unacknowledged messages, then those of others, then new ones."""

    def __init__(
        self, client: Any, stream: str, group: str, consumer: str, claim_after_ms: int
    ) -> None:
        self._client = client
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._claim_after_ms = claim_after_ms
        self._holds_some = True
        self._claim_due_s = 0.0

    def join(self) -> None:
        try:
            self._client.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except redis.ResponseError as exc:
            if not str(exc).startswith("BUSYGROUP"):
                raise

    def next(self) -> _Entry | None:
        if self._holds_some:
            if entry := self._read("0", block=None):
                return entry
            self._holds_some = False
        return self._claimed() or self._read(">", block=WAIT_MS)

    def leave(self) -> None:
        """Remove the name from the group, unless others have still to claim its messages."""
        with suppress(redis.RedisError, OSError):
            held = self._client.xpending_range(
                self._stream, self._group, "-", "+", 1, consumername=self._consumer
            )
            if not held:
                self._client.xgroup_delconsumer(self._stream, self._group, self._consumer)

    def _read(self, after_id: str, block: int | None) -> _Entry | None:
        answer = self._client.xreadgroup(
            self._group, self._consumer, {self._stream: after_id}, count=1, block=block
        )
        return answer[0][1][0] if answer and answer[0][1] else None

    def _claimed(self) -> _Entry | None:
        """Take over a message that its consumer has held for too long; checks now and then."""
        if time.monotonic() < self._claim_due_s:
            return None
        answer = self._client.xautoclaim(
            self._stream, self._group, self._consumer, self._claim_after_ms, "0", count=1
        )
        if answer[1]:
            entry: _Entry = answer[1][0]
            return entry
        self._claim_due_s = time.monotonic() + min(1.0, self._claim_after_ms / 1000)
        return None


def _lost(url: str, exc: Exception, *, was_there: bool) -> ConfigError | TransportError:
    if isinstance(exc, (redis.AuthenticationError, redis.ResponseError)):
        return ConfigError(f"redis: {redacted(url)} refuses us: {explained(redacted(str(exc)))}")
    when = " any more" if was_there else ""
    return TransportError(f"redis: {redacted(url)} does not answer{when}")


def _message(entry: _Entry) -> PublicMessage:
    id_, fields = entry
    names = (name.decode(errors="backslashreplace") for name in fields)
    return PublicMessage(id_, dict(zip(names, fields.values(), strict=True)))
