"""How a frame of the test cameras carries its number: a grid of black and white blocks.

The grid fills the upper left quarter of the image, so that it is found again after any scaling.
Its bits, row by row, the highest first: camera (8), number (32), check (8). Imported by Debian's
Python, too, which has no NumPy.
"""

from __future__ import annotations

import zlib

COLUMNS = 8
ROWS = 6
BITS = COLUMNS * ROWS


def check_of(camera: int, number: int) -> int:
    """Gives the check, 0 to 255, by which a grid is told from any other image."""
    return zlib.crc32(camera.to_bytes(1, "big") + number.to_bytes(4, "big")) & 0xFF


def bits_of(camera: int, number: int) -> list[bool]:
    """Gives the 48 blocks of the grid; True is white."""
    packed = camera << 40 | number << 8 | check_of(camera, number)
    return [bool(packed >> place & 1) for place in reversed(range(BITS))]


def number_of(bits: list[bool]) -> tuple[int, int] | None:
    """Gives (camera, number) of 48 blocks, None where the check differs; inverse of `bits_of`."""
    packed = sum(bit << place for place, bit in zip(reversed(range(BITS)), bits, strict=True))
    camera, number, check = packed >> 40, packed >> 8 & 0xFFFFFFFF, packed & 0xFF
    return (camera, number) if check == check_of(camera, number) else None
