"""What pool.py promises, held against every kind of pool and the one that tests use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args
from uuid import uuid4

import numpy as np
import pytest

from streamdet.errors import FrameError, StalePixelsError
from streamdet.frame import FrameRef
from streamdet.registry import KINDS, load
from streamdet.transport.array_pool import ArrayPool
from streamdet.transport.pool import Device, FramePool, PoolPlan
from streamdet.transport.shm_pool import FOLDER

HW = (4, 5)
SLOT_BYTES = 4 * 5 * 3
IN_MEMORY = "in memory"


@pytest.fixture(params=[*KINDS["pool"]])
def plan(request: pytest.FixtureRequest) -> Iterator[PoolPlan]:
    path = FOLDER / f"streamdet-test-{uuid4().hex}"
    yield PoolPlan(request.param, "bgr24", path, slots=3, slot_bytes=SLOT_BYTES)
    path.unlink(missing_ok=True)


@pytest.fixture(params=[IN_MEMORY, *KINDS["pool"]])
def pool(request: pytest.FixtureRequest) -> Iterator[FramePool]:
    path = FOLDER / f"streamdet-test-{uuid4().hex}"
    if request.param == IN_MEMORY:
        made: FramePool = ArrayPool.in_memory(slots=3, slot_bytes=SLOT_BYTES)
    else:
        made = load("pool", request.param).create(
            PoolPlan(request.param, "bgr24", path, slots=3, slot_bytes=SLOT_BYTES)
        )
    yield made
    made.close()
    path.unlink(missing_ok=True)


def test_it_says_where_and_how_pixels_lie(pool: FramePool) -> None:
    assert pool.device in get_args(Device)
    assert (pool.pixel_format.name, pool.pixel_format.shape(HW)) == ("bgr24", (4, 5, 3))
    assert pool.slot_pixels == 20


def test_what_one_process_writes_another_finds(plan: PoolPlan) -> None:
    kind = load("pool", plan.kind)
    made: FramePool = kind.create(plan)
    made.claim(FrameRef("prepare", 1, 7), HW)[:] = 9
    found: FramePool = kind.attach(plan)
    assert found.pixel_format == made.pixel_format
    assert np.all(found.view(FrameRef("prepare", 1, 7), HW) == 9)
    for each in (made, found):
        each.close()


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
