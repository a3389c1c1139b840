"""HEIC files that tests put together from boxes (ISO/IEC 14496-12 and 23008-12)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from streamdet.image import Pixels

Reference = tuple[bytes, int, Sequence[int]]
"""Kind, from which item, to which ones."""


@dataclass(frozen=True)
class Item:
    """An item: its kind, its data and its properties, whole boxes."""

    kind: bytes
    data: bytes
    properties: Sequence[bytes]
    is_hidden: bool = False
    is_in_idat: bool = False


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def size_property(hw: tuple[int, int]) -> bytes:
    return full_box(b"ispe", 0, 0, struct.pack(">II", hw[1], hw[0]))


def turn_property(quarters: int) -> bytes:
    """`irot`: quarter turns counterclockwise."""
    return box(b"irot", bytes([quarters]))


def mirror_property(axis: int) -> bytes:
    """`imir`: 0 top to bottom, 1 left to right."""
    return box(b"imir", bytes([axis]))


def grid_data(rows: int, columns: int, hw: tuple[int, int]) -> bytes:
    return struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, hw[1], hw[0])


def image_item(pixels: Pixels, *properties: bytes, is_hidden: bool = False) -> Item:
    """Encode an image, (H, W, 3) BGR, at least 32 pixels each way, as an `hvc1` item."""
    codec = av.CodecContext.create("libx265", "w")
    codec.height, codec.width = pixels.shape[:2]
    codec.pix_fmt, codec.time_base, codec.framerate = "yuv420p", Fraction(1, 25), Fraction(25)
    parameters = "keyint=1:log-level=none:repeat-headers=1:qp=4"
    codec.options = {"x265-params": parameters, "preset": "ultrafast"}
    frame = av.VideoFrame.from_ndarray(pixels, "bgr24").reformat(format="yuv420p")
    stream = b"".join(map(bytes, [*codec.encode(frame), *codec.encode(None)]))
    units = [unit for unit in stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]
    data = b"".join(struct.pack(">I", len(unit)) + unit for unit in units if unit[0] >> 1 & 63 < 32)
    hw = pixels.shape[0], pixels.shape[1]
    return Item(b"hvc1", data, [_hvcc(units), size_property(hw), *properties], is_hidden)


def _hvcc(units: Sequence[bytes]) -> bytes:
    """The decoder's configuration: 14496-15, 8.3.3.1; parameter sets are NAL units 32 to 34."""
    arrays = b""
    for kind in (32, 33, 34):
        sets = [unit for unit in units if unit[0] >> 1 & 63 == kind]
        arrays += struct.pack(">BH", 0x80 | kind, len(sets))
        arrays += b"".join(struct.pack(">H", len(unit)) + unit for unit in sets)
    profile = next(unit for unit in units if unit[0] >> 1 & 63 == 33)[3:15]
    rest = struct.pack(">HBBBBHB", 0xF000, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0x0F)
    return box(b"hvcC", b"\1", profile, rest, b"\3", arrays)


def write_heif(
    path: Path, items: Sequence[Item], *, primary: int, references: Sequence[Reference] = ()
) -> Path:
    """Write a file of items, numbered from 1; one of them may lie in `idat`."""
    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    properties = [each for item in items for each in item.properties]
    first = len(head) + len(_meta(items, properties, [0] * len(items), primary, references)) + 8
    offsets = [first + sum(len(item.data) for item in items[:at]) for at in range(len(items))]
    for at, item in enumerate(items):
        if item.is_in_idat:
            offsets[at] = 0
    meta = _meta(items, properties, offsets, primary, references)
    path.write_bytes(head + meta + box(b"mdat", *(item.data for item in items)))
    return path


def _meta(
    items: Sequence[Item],
    properties: Sequence[bytes],
    offsets: Sequence[int],
    primary: int,
    references: Sequence[Reference],
) -> bytes:
    infos, places, uses, used = [], [], [], 0
    for number, (item, offset) in enumerate(zip(items, offsets, strict=True), 1):
        entry = struct.pack(">HH4s", number, 0, item.kind)
        infos.append(full_box(b"infe", 2, int(item.is_hidden), entry, b"\0"))
        place = (number, int(item.is_in_idat), 0, 1, offset, len(item.data))
        places.append(struct.pack(">HHHHII", *place))
        count = len(item.properties)
        indices = bytes(range(used + 1, used + count + 1))
        uses.append(struct.pack(">HB", number, count) + indices)
        used += count
    pointers = [
        box(kind, struct.pack(f">HH{len(to)}H", start, len(to), *to))
        for kind, start, to in references
    ]
    total = struct.pack(">H", len(items))
    return full_box(
        b"meta",
        0,
        0,
        full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"pict"), b"\0"),
        full_box(b"pitm", 0, 0, struct.pack(">H", primary)),
        full_box(b"iloc", 1, 0, b"\x44\0", total, *places),
        full_box(b"iinf", 0, 0, total, *infos),
        full_box(b"iref", 0, 0, *pointers),
        box(b"idat", *(item.data for item in items if item.is_in_idat)),
        box(
            b"iprp",
            box(b"ipco", *properties),
            full_box(b"ipma", 0, 0, struct.pack(">I", len(items)), *uses),
        ),
    )


def plain(level: int | tuple[int, int, int], hw: tuple[int, int]) -> Pixels:
    """One grey or colour."""
    return np.full((*hw, 3), level, np.uint8)
