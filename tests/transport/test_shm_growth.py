"""Slots grow in place, within what their pool may take, and other processes see it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import numpy as np
import pytest

from streamdet.errors import FrameError
from streamdet.frame import FrameRef
from streamdet.transport.array_pool import ArrayPool
from streamdet.transport.pool import PoolPlan
from streamdet.transport.shm_growth import SlotGivenUpError
from streamdet.transport.shm_pool import FOLDER, PAGE, ShmPool

SMALL, LARGE = (16, 256), (64, 1024)  # 3 and 48 pages of BGR
SLOTS = 8

FROM_ELSEWHERE = """
import sys
from pathlib import Path
from streamdet.frame import FrameRef
from streamdet.transport.pool import PoolPlan
from streamdet.transport.shm_pool import ShmPool
path, slots, slot, largest, most = Path(sys.argv[1]), *map(int, sys.argv[2:])
pool = ShmPool.attach(PoolPlan("shm", "bgr24", path, slots, slot, "cpu", largest, most))
assert (pool.view(FrameRef("camera", 3, 1), (64, 1024)) == 5).all()
pool.claim(FrameRef("camera", 4, 1), (64, 1024))[:] = 6
"""


@pytest.fixture
def plan() -> Iterator[PoolPlan]:
    """Room for the small images of all slots, or for four large ones."""
    path = FOLDER / f"streamdet-test-{uuid4().hex}"
    pages = 4 * 48 + 4
    yield PoolPlan("shm", "bgr24", path, SLOTS, 3 * PAGE, "cpu", 48 * PAGE, pages * PAGE)
    path.unlink(missing_ok=True)


@pytest.fixture
def pool(plan: PoolPlan) -> Iterator[ArrayPool]:
    made = ShmPool.create(plan)
    yield made
    made.close()


def used_pages(plan: PoolPlan) -> int:
    return plan.path.stat().st_blocks * 512 // PAGE


def claim(pool: ArrayPool, slot: int, hw: tuple[int, int] = LARGE) -> None:
    pool.claim(FrameRef("camera", slot, 1), hw)[:] = slot


def test_a_pool_begins_with_the_memory_of_small_slots(plan: PoolPlan, pool: ArrayPool) -> None:
    assert used_pages(plan) == 1 + SLOTS * 3
    assert pool.slot_pixels == 64 * 1024
    claim(pool, 0, SMALL)
    assert used_pages(plan) == 1 + SLOTS * 3


def test_a_slot_that_has_grown_keeps_its_size_and_the_others_their_content(
    plan: PoolPlan, pool: ArrayPool
) -> None:
    claim(pool, 2, SMALL)
    claim(pool, 3)
    claim(pool, 4, SMALL)
    claim(pool, 3)
    assert used_pages(plan) == 1 + 7 * 3 + 48
    for slot, hw in ((2, SMALL), (3, LARGE), (4, SMALL)):
        assert np.all(pool.view(FrameRef("camera", slot, 1), hw) == slot)


def test_other_processes_see_a_slot_that_has_grown_and_let_others_grow(
    plan: PoolPlan, pool: ArrayPool
) -> None:
    pool.claim(FrameRef("camera", 3, 1), LARGE)[:] = 5
    numbers = (SLOTS, plan.slot_bytes, plan.largest_bytes, plan.most_bytes)
    command = [sys.executable, "-c", FROM_ELSEWHERE, str(plan.path), *map(str, numbers)]
    subprocess.run(command, check=True, timeout=60)
    assert np.all(pool.view(FrameRef("camera", 4, 1), LARGE) == 6)


def test_where_not_all_can_grow_there_are_fewer_but_large_enough_slots(
    plan: PoolPlan, pool: ArrayPool
) -> None:
    grown = []
    for slot in range(SLOTS):
        try:
            claim(pool, slot)
        except SlotGivenUpError:
            continue
        grown.append(slot)
    # 196 pages: 3 * 48 leave 52, and the 4th needs 48, so that one small slot at most may stay.
    assert grown == [0, 1, 2, 6]
    assert used_pages(plan) <= 1 + plan.most_bytes // PAGE
    for slot in grown:
        assert np.all(pool.view(FrameRef("camera", slot, 1), LARGE) == slot)


def test_the_last_slots_are_not_given_up(plan: PoolPlan, pool: ArrayPool) -> None:
    small = PoolPlan("shm", "bgr24", plan.path, SLOTS, 3 * PAGE, "cpu", 48 * PAGE, 24 * PAGE)
    pool = ShmPool.attach(small)  # none can grow
    for slot in range(SLOTS - 2):
        with pytest.raises(SlotGivenUpError):
            claim(pool, slot)
    for slot in (6, 7):
        with pytest.raises(FrameError, match="no memory"):
            claim(pool, slot)
        claim(pool, slot, SMALL)
    pool.close()


def test_larger_images_than_any_slot_can_hold_are_refused(pool: ArrayPool) -> None:
    with pytest.raises(FrameError, match="larger than the pool's slots"):
        claim(pool, 0, (65, 1024))
