"""A recording of a stage (.sdrec) whose image is a bomb."""

from __future__ import annotations

import resource
import zlib
from typing import Any

import pytest

from streamdet.formats.stage_recording import _unpacked

ZEROS = zlib.compressobj(9)
BOMB = b"".join([ZEROS.compress(bytes(1 << 20)) for _ in range(512)]) + ZEROS.flush()


@pytest.mark.parametrize("hw", [(100_000, 100_000), (-1, 8), (0, 0), (8, 8)])
def test_an_image_is_never_larger_than_it_states_and_it_may_not_state_much(
    hw: tuple[int, int],
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    values: list[Any] = [*hw, "zlib", BOMB]
    if hw == (8, 8):
        pixels = _unpacked(values)
        assert pixels is not None and pixels.shape == (8, 8, 3)
    else:
        with pytest.raises(ValueError, match="an image of"):
            _unpacked(values)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 100_000  # kB
