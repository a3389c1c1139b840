"""Positions as the bus stores them."""

from __future__ import annotations

from streamdet.sources import Position
from streamdet.sources.positions import pack_position, unpack_position


def test_positions_survive_the_wire() -> None:
    position = Position(3, 9, 1, 40, is_seekable=False)
    assert unpack_position(pack_position(position, {"error": "x"})) == (position, {"error": "x"})
    assert unpack_position(None) == (Position(), {})
