"""Reading public streams, as a downstream program does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import redis

from streamdet.errors import ConfigError, TransportError
from streamdet.system.redaction import redacted
from streamdet.transport.connection import connect

WAIT_MS: Final = 500


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


def follow(url: str, stream: str, after_id: str) -> Iterator[PublicMessage | None]:
    """Read a stream's entries as they are added; yields None whenever nothing came for a while.

    Args:
        url: the server.
        stream: key of the stream.
        after_id: "0" for all there are, "$" for new ones only: those added after the first read
            has begun, with none left out between reads.

    Raises:
        ConfigError: the server refuses us, or there is something else than a stream.
        TransportError: the server does not answer, or not any more.
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


def _lost(url: str, exc: Exception, *, was_there: bool) -> ConfigError | TransportError:
    if isinstance(exc, (redis.AuthenticationError, redis.ResponseError)):
        return ConfigError(f"redis: {redacted(url)} refuses us: {redacted(str(exc))}")
    when = " any more" if was_there else ""
    return TransportError(f"redis: {redacted(url)} does not answer{when}")


def _message(entry: tuple[bytes, dict[bytes, bytes]]) -> PublicMessage:
    id_, fields = entry
    names = (name.decode(errors="backslashreplace") for name in fields)
    return PublicMessage(id_, dict(zip(names, fields.values(), strict=True)))
