"""Draws a test camera's frames, in plain Python: a number's grid and a picture that moves."""

from __future__ import annotations

from tests.cameras.number_layout import COLUMNS, ROWS, bits_of

BLACK, GREY, WHITE = 16, 128, 235
RAMP = bytes(16 + abs(step - 200) for step in range(400))  # up and down again, luma


def draw(camera: int, number: int, height: int, width: int) -> bytes:
    """Gives an I420 image; width a multiple of 8, height of 4."""
    luma = b"".join(_upper(camera, number, height, width) + _lower(number, height, width))
    chroma = bytes([GREY]) * (width // 2 * (height // 4))
    colour = bytes([64 + number % 128]) * (width // 2 * (height // 2 - height // 4))
    return luma + (chroma + colour) * 2


def _upper(camera: int, number: int, height: int, width: int) -> list[bytes]:
    """Gives the rows of the upper half: the grid at the left, the moving picture at the right."""
    bits = bits_of(camera, number)
    ramp = RAMP * (width // len(RAMP) + 2)
    rows = []
    for y in range(height // 2):
        row = min(y * ROWS // (height // 2), ROWS - 1)
        if y == 0 or row != (y - 1) * ROWS // (height // 2):
            grid = _grid_row(bits[row * COLUMNS : (row + 1) * COLUMNS], width // 2)
        start = (number * 4 + y) % len(RAMP)
        rows.append(grid + ramp[start : start + width - width // 2])
    return rows


def _grid_row(bits: list[bool], width: int) -> bytes:
    edges = [column * width // COLUMNS for column in range(COLUMNS + 1)]
    return b"".join(
        bytes([WHITE if bit else BLACK]) * (edges[column + 1] - edges[column])
        for column, bit in enumerate(bits)
    )


def _lower(number: int, height: int, width: int) -> list[bytes]:
    ramp = RAMP * (width // len(RAMP) + 2)
    starts = ((number * 4 + y) % len(RAMP) for y in range(height // 2, height))
    return [ramp[start : start + width] for start in starts]
