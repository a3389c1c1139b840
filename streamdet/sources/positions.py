"""A source's position as the bus stores it: packed, with notes on the source."""

from __future__ import annotations

from typing import Any

import msgpack

from streamdet.sources import Position


def pack_position(position: Position, notes: dict[str, Any] | None = None) -> bytes:
    """Pack a position and notes on the source; the inverse of `unpack_position`."""
    packed: bytes = msgpack.packb(
        [position.index, position.decoded, position.damaged, position.pts, position.is_seekable,
         notes or {}]
    )  # fmt: skip
    return packed


def unpack_position(packed: bytes | None) -> tuple[Position, dict[str, Any]]:
    """Unpack a position and the notes; None, where nothing was committed, is the source's start."""
    if packed is None:
        return Position(), {}
    *values, notes = msgpack.unpackb(packed)
    return Position(*values), notes
