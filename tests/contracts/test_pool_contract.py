"""What pool.py promises, held against every kind of pool and the one that tests use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args
from uuid import uuid4

import numpy as np
import pytest

from streamdet.errors import FrameError, StalePixelsError
from streamdet.frame import FrameRef
from streamdet.image import DevicePixels, Pixels
from streamdet.registry import KINDS
from streamdet.transport.array_pool import ArrayPool
from streamdet.transport.cuda_device import CudaDevice, open_device
from streamdet.transport.pool import Device, FramePool, PoolPlan, kind_of
from streamdet.transport.shm_pool import FOLDER

HW = (4, 5)
SLOT_BYTES = 4 * 5 * 3
IN_MEMORY = "in memory"
POOLS = (*KINDS["pool"], *KINDS["device_pool"])


def plan_of(kind: str, request: pytest.FixtureRequest) -> PoolPlan:
    if kind == "cuda":
        request.getfixturevalue("emulated_cuda")
    path = FOLDER / f"streamdet-test-{uuid4().hex}"
    device = "cuda:0" if kind == "cuda" else "cpu"
    return PoolPlan(kind, "bgr24", path, slots=3, slot_bytes=SLOT_BYTES, device=device)


@contextmanager
def opened(image: DevicePixels) -> Iterator[CudaDevice]:
    device = open_device(image.device)
    try:
        yield device
    finally:
        device.close()


def write(pool: FramePool, ref: FrameRef, values: Pixels | int) -> None:
    """Fill a slot as a stage does."""
    slot = pool.claim(ref, HW)
    if isinstance(slot, DevicePixels):
        image = np.empty(slot.shape, slot.dtype)
        image[:] = values
        with opened(slot) as device:
            device.upload(lambda out: np.copyto(out, image), slot)
        image[:] = 0  # the pool has taken what it needs
    else:
        slot[:] = values
    pool.written(ref)


def overwrite(pool: FramePool, ref: FrameRef) -> None:
    image = pool.view(ref, HW)
    if isinstance(image, DevicePixels):
        with opened(image) as device:
            device.upload(lambda out: out.fill(0), image)
    else:
        image[:] = 0


def read(pool: FramePool, ref: FrameRef) -> Pixels:
    image = pool.view(ref, HW)
    if isinstance(image, DevicePixels):
        with opened(image) as device:
            return device.download(image)
    return image


@pytest.fixture(params=[*POOLS])
def plan(request: pytest.FixtureRequest) -> Iterator[PoolPlan]:
    plan = plan_of(request.param, request)
    yield plan
    plan.path.unlink(missing_ok=True)


@pytest.fixture(params=[IN_MEMORY, *POOLS])
def pool(request: pytest.FixtureRequest) -> Iterator[FramePool]:
    if request.param == IN_MEMORY:
        yield ArrayPool.in_memory(slots=3, slot_bytes=SLOT_BYTES)
        return
    plan = plan_of(request.param, request)
    made = kind_of(plan).create(plan)
    yield made
    made.close()
    plan.path.unlink(missing_ok=True)


def test_it_says_where_and_how_pixels_lie(pool: FramePool) -> None:
    assert pool.device in get_args(Device)
    assert (pool.pixel_format.name, pool.pixel_format.shape(HW)) == ("bgr24", (4, 5, 3))
    assert pool.slot_pixels == 20


def test_what_one_process_writes_another_finds(plan: PoolPlan) -> None:
    kind = kind_of(plan)
    made: FramePool = kind.create(plan)
    write(made, FrameRef("prepare", 1, 7), 9)
    found: FramePool = kind.attach(plan)
    assert found.pixel_format == made.pixel_format
    assert np.all(read(found, FrameRef("prepare", 1, 7)) == 9)
    for each in (made, found):
        each.close()


def test_what_was_written_is_read(pool: FramePool) -> None:
    ref = FrameRef("prepare", 1, 7)
    write(pool, ref, np.arange(SLOT_BYTES, dtype=np.uint8).reshape(*HW, 3))
    assert read(pool, ref).ravel().tolist() == list(range(SLOT_BYTES))


def test_slots_do_not_overlap(pool: FramePool) -> None:
    refs = [FrameRef("prepare", slot, 1) for slot in range(3)]
    for ref in refs:
        write(pool, ref, ref.slot)
    assert [int(read(pool, ref).max()) for ref in refs] == [0, 1, 2]
    assert [int(read(pool, ref).min()) for ref in refs] == [0, 1, 2]


def test_a_smaller_image_fits_and_a_larger_one_does_not(pool: FramePool) -> None:
    assert pool.claim(FrameRef("prepare", 0, 1), (2, 3)).shape == (2, 3, 3)
    with pytest.raises(FrameError, match="larger than the pool's slots"):
        pool.claim(FrameRef("prepare", 0, 2), (4, 6))


def test_a_reader_cannot_write(pool: FramePool) -> None:
    ref = FrameRef("prepare", 0, 1)
    pool.claim(ref, HW)
    with pytest.raises(ValueError, match="read-only"):
        overwrite(pool, ref)


def test_what_is_written_is_there_once_it_has_settled(plan: PoolPlan) -> None:
    kind = kind_of(plan)
    made, found = kind.create(plan), kind.attach(plan)
    for generation in range(1, 4):
        ref = FrameRef("prepare", 0, generation)
        write(made, ref, generation)
        made.settle()
        assert np.all(read(found, ref) == generation)
        assert found.is_current(ref)
    for each in (found, made):
        each.close()


def test_a_reader_notices_that_the_slot_was_used_again(pool: FramePool) -> None:
    ref = FrameRef("prepare", 0, 1)
    pool.claim(ref, HW)
    assert pool.is_current(ref)
    pool.claim(FrameRef("prepare", 0, 2), HW)
    assert not pool.is_current(ref)
    with pytest.raises(StalePixelsError, match="slot 0 of pool prepare"):
        pool.view(ref, HW)
