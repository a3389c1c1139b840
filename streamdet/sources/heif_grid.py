"""Reads the tile grid of a HEIF image, which PyAV does not give; phones store photos in tiles.

Source: ISO/IEC 23008-12, 6.6.2.3 (the `grid` item), and 14496-12, 8.11 (boxes of items). Numbers
are big-endian. A full box starts with its version (8 bits) and flags (24 bits).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

import numpy as np

from streamdet.image import Pixels
from streamdet.sources.safe_open import read_at

_MAX_META: Final = 1 << 24
"""Bytes. The boxes of a photograph of 48 megapixels in tiles of 512 x 512 take 10 kB."""

_TRANSFORMS: Final = frozenset({b"irot", b"imir", b"clap"})


@dataclass(frozen=True, slots=True)
class Grid:
    """A tiled image.

    Attributes:
        hw: height and width of the whole, before it is turned.
        columns: tiles side by side.
        tile_ids: item of each tile, row by row.
        transforms: property and its value, to be applied in this order once it is put together.
    """

    hw: tuple[int, int]
    columns: int
    tile_ids: tuple[int, ...]
    transforms: tuple[tuple[bytes, int], ...]

    def upright(self, pixels: Pixels) -> Pixels:
        """Turn (`irot`, quarters counterclockwise) and mirror (`imir`, 0 is top to bottom)."""
        for kind, value in self.transforms:
            if kind == b"irot":
                pixels = np.rot90(pixels, value & 3)
            else:
                pixels = pixels[:, ::-1] if value & 1 else pixels[::-1]
        return pixels


def read_grid(file: IO[bytes]) -> Grid | None:
    """Read how the main image is put together; the file's position stays.

    Returns:
        None where the main image is not a grid, is cropped, or its boxes are damaged.
    """
    try:
        meta = dict(_boxes(_find_meta(file)[4:]))
        main = _number(meta[b"pitm"], 4, 2 if meta[b"pitm"][0] == 0 else 4)
        transforms = _transforms(meta[b"iprp"], main)
        if _item_kind(meta[b"iinf"], main) != b"grid" or any(k == b"clap" for k, _ in transforms):
            return None
        rows, columns, hw = _layout(_item_data(file, meta, main))
        tile_ids = _referred(meta[b"iref"], main)
    except (struct.error, ValueError, KeyError, IndexError):
        return None
    return Grid(hw, columns, tile_ids, transforms) if len(tile_ids) == rows * columns else None


def _find_meta(file: IO[bytes]) -> bytes:
    at = 0
    while head := read_at(file, 16, at):
        size, kind = struct.unpack_from(">I4s", head)
        size = _number(head, 8, 8) if size == 1 else size
        if kind == b"meta" and 8 < size < _MAX_META:
            return read_at(file, size, at)[8:]
        if size < 8:
            break
        at += size
    raise ValueError("there is no meta box")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            raise ValueError("a box is too small")
        yield kind, data[at + 8 : at + size]
        at += size


def _number(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise ValueError("a box is cut off")
    return int.from_bytes(data[at : at + size], "big")


def _item_kind(iinf: bytes, item: int) -> bytes:
    for _, infe in _boxes(iinf[6 if iinf[0] == 0 else 8 :]):
        width = 2 if infe[0] == 2 else 4
        if infe[0] >= 2 and _number(infe, 4, width) == item:
            return infe[4 + width + 2 :][:4]
    raise ValueError("the main item is not described")


def _item_data(file: IO[bytes], meta: dict[bytes, bytes], item: int) -> bytes:
    """Read the first extent of an item: from the file, or from `idat`."""
    iloc = meta[b"iloc"]
    version, sizes = iloc[0], iloc[4:6]
    offset_size, length_size, base_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index_size = sizes[1] & 15 if version else 0
    id_size = 4 if version == 2 else 2
    at = 6 + id_size
    for _ in range(_number(iloc, 6, id_size)):
        found = _number(iloc, at, id_size)
        at += id_size
        is_in_idat = version > 0 and _number(iloc, at, 2) & 15 == 1
        at += (2 if version else 0) + 2  # how it is stored, in which file
        base, extents = _number(iloc, at, base_size), _number(iloc, at + base_size, 2)
        at += base_size + 2
        offset = base + _number(iloc, at + index_size, offset_size)
        length = _number(iloc, at + index_size + offset_size, length_size)
        if found == item:
            if is_in_idat:
                return meta[b"idat"][offset : offset + length]
            return read_at(file, min(length, 16), offset)
        at += extents * (index_size + offset_size + length_size)
    raise ValueError("the main item has no data")


def _layout(data: bytes) -> tuple[int, int, tuple[int, int]]:
    """Return rows, columns, and height and width of the whole."""
    side = 4 if data[1] & 1 else 2
    return data[2] + 1, data[3] + 1, (_number(data, 4 + side, side), _number(data, 4, side))


def _referred(iref: bytes, item: int) -> tuple[int, ...]:
    """List what an item is derived from."""
    width = 2 if iref[0] == 0 else 4
    for kind, reference in _boxes(iref[4:]):
        if kind == b"dimg" and _number(reference, 0, width) == item:
            count = _number(reference, width, 2)
            starts = range(width + 2, width + 2 + count * width, width)
            return tuple(_number(reference, at, width) for at in starts)
    raise ValueError("the main item is derived from nothing")


def _transforms(iprp: bytes, item: int) -> tuple[tuple[bytes, int], ...]:
    """List an item's turns, mirrorings and crops, in order."""
    parts = dict(_boxes(iprp))
    properties, ipma = list(_boxes(parts[b"ipco"])), parts[b"ipma"]
    id_size, index_size = 2 if ipma[0] == 0 else 4, 2 if ipma[3] & 1 else 1
    at = 8
    for _ in range(_number(ipma, 4, 4)):
        found, count = _number(ipma, at, id_size), _number(ipma, at + id_size, 1)
        at += id_size + 1
        if found == item:
            ends = range(at, at + count * index_size, index_size)
            mask = (1 << 8 * index_size - 1) - 1  # the top bit says whether it is essential
            used = [properties[(_number(ipma, end, index_size) & mask) - 1] for end in ends]
            return tuple((kind, body[0]) for kind, body in used if kind in _TRANSFORMS)
        at += count * index_size
    return ()
