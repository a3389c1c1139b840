"""Images with an EXIF orientation, written by hand into files that OpenCV encodes."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np

from streamdet.image import Pixels

ORIENTATIONS = range(1, 9)


def upright(stored: Pixels, orientation: int) -> Pixels:
    """Show a stored image as EXIF 2.3, table 6, says: where its row 0 and column 0 belong."""
    turned = {
        1: stored,  # top, left
        2: stored[:, ::-1],  # top, right
        3: stored[::-1, ::-1],  # bottom, right
        4: stored[::-1],  # bottom, left
        5: stored.transpose(1, 0, 2),  # left, top
        6: np.rot90(stored, -1),  # right, top
        7: stored[::-1, ::-1].transpose(1, 0, 2),  # right, bottom
        8: np.rot90(stored, 1),  # left, bottom
    }
    return np.ascontiguousarray(turned[orientation])


def encode(suffix: str, stored: Pixels, orientation: int, *, order: str = "<") -> bytes:
    """Encode an image; `order` is that of the EXIF data's bytes, "<" or ">"."""
    exif = _exif(orientation, order)
    if suffix == ".tif":
        return _tiff(stored, orientation)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 98] if suffix == ".jpg" else []
    if suffix == ".webp":
        quality = [cv2.IMWRITE_WEBP_QUALITY, 101]  # lossless
    plain = cv2.imencode(suffix, stored, quality)[1].tobytes()
    add = {".jpg": _add_to_jpeg, ".png": _add_to_png, ".webp": _add_to_webp}[suffix]
    return add(plain, exif, (stored.shape[0], stored.shape[1]))


def _exif(orientation: int, order: str) -> bytes:
    start = b"II*\0" if order == "<" else b"MM\0*"
    fields = struct.pack(f"{order}IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)
    return start + fields


def _add_to_jpeg(plain: bytes, exif: bytes, _: tuple[int, int]) -> bytes:
    body = b"Exif\0\0" + exif
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + plain[2:]


def _add_to_png(plain: bytes, exif: bytes, _: tuple[int, int]) -> bytes:
    body = b"eXIf" + exif
    chunk = struct.pack(">I", len(exif)) + body + struct.pack(">I", zlib.crc32(body))
    return plain[:33] + chunk + plain[33:]  # behind IHDR


def _add_to_webp(plain: bytes, exif: bytes, hw: tuple[int, int]) -> bytes:
    has_exif, sides = 8, b"".join(struct.pack("<I", side - 1)[:3] for side in hw[::-1])
    chunks = _webp_chunk(b"VP8X", bytes([has_exif, 0, 0, 0]) + sides)
    chunks += plain[12:] + _webp_chunk(b"EXIF", exif)
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def _webp_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _tiff(stored: Pixels, orientation: int) -> bytes:
    """One uncompressed RGB strip; entries are tag, type (3: 16 bits, 4: 32 bits), count, value."""
    height, width = stored.shape[:2]
    pixels = stored[:, :, ::-1].tobytes()
    depths_at = 8 + 2 + 12 * 10 + 4
    entries = [
        *((256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, depths_at), (259, 3, 1, 1)),
        *((262, 3, 1, 2), (273, 4, 1, depths_at + 6), (274, 3, 1, orientation), (277, 3, 1, 3)),
        *((278, 3, 1, height), (279, 4, 1, len(pixels))),
    ]
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    start = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return start + packed + bytes(4) + struct.pack("<3H", 8, 8, 8) + pixels
