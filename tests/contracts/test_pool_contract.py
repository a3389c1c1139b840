"""What pool.py promises, held against both kinds of memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from streamdet.errors import FrameError, StalePixelsError
from streamdet.frame import FrameRef
from streamdet.transport.pool import FramePool
from streamdet.transport.shm_pool import FOLDER, create_pool

HW = (4, 5)
SLOT_BYTES = 4 * 5 * 3


@pytest.fixture
def segment() -> Iterator[Path]:
    path = FOLDER / f"streamdet-test-{uuid4().hex}"
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture(params=["memory", "shared"])
def pool(request: pytest.FixtureRequest, segment: Path) -> Iterator[FramePool]:
    if request.param == "memory":
        made = FramePool.in_memory(slots=3, slot_bytes=SLOT_BYTES)
    else:
        made = create_pool(segment, slots=3, slot_bytes=SLOT_BYTES)
    yield made
    made.close()


def test_what_was_written_is_read(pool: FramePool) -> None:
    ref = FrameRef("prepare", 1, 7)
    pool.claim(ref, HW)[:] = np.arange(SLOT_BYTES, dtype=np.uint8).reshape(*HW, 3)
    assert pool.view(ref, HW).ravel().tolist() == list(range(SLOT_BYTES))


def test_slots_do_not_overlap(pool: FramePool) -> None:
    refs = [FrameRef("prepare", slot, 1) for slot in range(3)]
    for ref in refs:
        pool.claim(ref, HW)[:] = ref.slot
    assert [int(pool.view(ref, HW).max()) for ref in refs] == [0, 1, 2]
    assert [int(pool.view(ref, HW).min()) for ref in refs] == [0, 1, 2]


def test_a_smaller_image_fits_and_a_larger_one_does_not(pool: FramePool) -> None:
    assert pool.claim(FrameRef("prepare", 0, 1), (2, 3)).shape == (2, 3, 3)
    with pytest.raises(FrameError, match="larger than the pool's slots"):
        pool.claim(FrameRef("prepare", 0, 2), (4, 6))


def test_a_reader_cannot_write(pool: FramePool) -> None:
    ref = FrameRef("prepare", 0, 1)
    pool.claim(ref, HW)
    with pytest.raises(ValueError, match="read-only"):
        pool.view(ref, HW)[:] = 0


def test_a_reader_notices_that_the_slot_was_used_again(pool: FramePool) -> None:
    ref = FrameRef("prepare", 0, 1)
    pool.claim(ref, HW)
    assert pool.is_current(ref)
    pool.claim(FrameRef("prepare", 0, 2), HW)
    assert not pool.is_current(ref)
    with pytest.raises(StalePixelsError, match="slot 0 of pool prepare"):
        pool.view(ref, HW)
