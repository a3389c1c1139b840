"""The detections of a part of a video: its frames as messages, in order, compressed.

While a part is being worked on its records grow in a plain file; `pack` makes a segment file of
them, which holds them all.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from streamdet.errors import EngineError
from streamdet.messages import FrameMessage, decode, encode

_MAGIC: Final = b"streamdet-segment/1\n"
_LENGTH_BYTES: Final = 4
_LEVEL: Final = 1
"""zlib's fastest. The clips' frames take 60 (one person) to 500 bytes (17), .34 to .58 of what they
were, in 3 to 11 us of one core."""


def record(message: FrameMessage) -> bytes:
    """Write a frame as a record, without where its pixels were."""
    frame = replace(message.frame, pixels=None)
    payload = encode(replace(message, frame=frame, prepared=None))
    return len(payload).to_bytes(_LENGTH_BYTES) + payload


def pack(records: bytes) -> bytes:
    """Make the content of a segment file of records; the inverse of `read_segment`."""
    return _MAGIC + zlib.compress(records, _LEVEL)


def read_segment(path: Path) -> Iterator[FrameMessage]:
    """Read the frames of a segment file.

    Raises:
        EngineError: it is missing, or not a segment file.
    """
    try:
        content = path.read_bytes()
        if not content.startswith(_MAGIC):
            raise ValueError("it has another beginning")
        records = zlib.decompress(content[len(_MAGIC) :])
    except (OSError, ValueError, zlib.error) as exc:
        raise EngineError(f"{path} is no segment file of this version: {exc}") from exc
    place = 0
    while place < len(records):
        begin = place + _LENGTH_BYTES
        place = begin + int.from_bytes(records[place:begin])
        message = decode(records[begin:place])
        assert isinstance(message, FrameMessage)
        yield message
