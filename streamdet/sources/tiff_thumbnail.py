"""Whether the first image of a TIFF is a thumbnail, as in the raw files (DNG, NEF) of cameras."""

from __future__ import annotations

import struct
from typing import IO, Final

from streamdet.sources.safe_open import read_at

THUMBNAIL_FIRST: Final = (
    "the first image in it is a thumbnail of another one: convert it to JPEG or PNG"
)

_ORDERS: Final = {b"II*\0": "<", b"MM\0*": ">"}
_NEW_SUBFILE_TYPE, _REDUCED = 254, 1
"""TIFF 6.0, page 36: bit 0 says that the image is a smaller version of another one."""


def begins_with_thumbnail(file: IO[bytes]) -> bool:
    """Look at the first directory; the file's position stays, and no other format is a TIFF."""
    start = read_at(file, 8, 0)
    order = _ORDERS.get(start[:4])
    if order is None or len(start) < 8:
        return False
    (at,) = struct.unpack_from(f"{order}I", start, 4)
    head = read_at(file, 2, at)
    count = int.from_bytes(head, "little" if order == "<" else "big")
    entries = read_at(file, count * 12, at + 2)
    whole = entries[: len(entries) // 12 * 12]
    found = struct.iter_unpack(f"{order}HHII", whole)
    return any(tag == _NEW_SUBFILE_TYPE and value & _REDUCED for tag, _, _, value in found)
