"""Reading public streams, as a downstream program does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import redis

from streamdet.errors import TransportError
from streamdet.transport.connection import connect
from streamdet.url_text import redacted

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
        raise TransportError(f"redis: {redacted(url)} does not answer") from exc
    finally:
        client.close()
    return _message(entries[0]) if entries else None


def follow(url: str, stream: str, after_id: str) -> Iterator[PublicMessage | None]:
    """Read a stream's entries as they are added; yields None whenever nothing came for a while.

    Args:
        url: the server.
        stream: key of the stream.
        after_id: "0" for all there are, "$" for new ones only.

    Raises:
        TransportError: the server does not answer (any more).
    """
    client: Any = connect(url)
    try:
        while True:
            answer = client.xread({stream: after_id}, count=256, block=WAIT_MS)
            if not answer:
                yield None
            for entry in answer[0][1] if answer else ():
                after_id = entry[0]
                yield _message(entry)
    except (redis.RedisError, OSError) as exc:
        raise TransportError(f"redis: {redacted(url)} does not answer (any more)") from exc
    finally:
        client.close()


def _message(entry: tuple[bytes, dict[bytes, bytes]]) -> PublicMessage:
    id_, fields = entry
    return PublicMessage(id_, {name.decode(): value for name, value in fields.items()})
