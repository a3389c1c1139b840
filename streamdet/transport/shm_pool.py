"""The pool in POSIX shared memory: one file of equal slots in /dev/shm, mapped by every process.

The standard library's SharedMemory is not used: before Python 3.13 any reader that exits destroys
the segment. The file's blocks are allocated and touched when it is made, so a full tmpfs is an
error then and not a SIGBUS later, and no frame pays for fresh pages.

Layout: one uint64 generation per slot, where slots grow (shm_growth.py) one for its size, padded to
a page, then the slots, each a multiple of a page.
"""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path
from typing import Final

import numpy as np

from streamdet.errors import ConfigError
from streamdet.registry import load
from streamdet.transport.array_pool import ArrayPool
from streamdet.transport.pool import PoolPlan
from streamdet.transport.shm_growth import SlotGrowth

FOLDER: Final = Path("/dev/shm")  # noqa: S108  the tmpfs of POSIX shared memory, not a temporary file
PAGE: Final = mmap.PAGESIZE


class ShmPool:
    """The kind `shm`: see pool.PoolKind."""

    @staticmethod
    def create(plan: PoolPlan) -> ArrayPool:
        """Make a pool's file, readable by this user only, with every page touched.

        Raises:
            ConfigError: there is not enough shared memory.
        """
        _allocate(plan)
        return ShmPool.attach(plan)

    @staticmethod
    def attach(plan: PoolPlan) -> ArrayPool:
        """Map a pool's file."""
        slots, offset, stride = plan.slots, _head_bytes(plan), _stride(plan)
        descriptor = os.open(plan.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            arena = mmap.mmap(descriptor, offset + slots * stride)
        except BaseException:
            os.close(descriptor)
            raise
        generations = np.frombuffer(arena, np.uint64, slots)
        memory = np.frombuffer(arena, np.uint8, offset=offset).reshape(slots, -1)
        pixel_format = load("pixel_format", plan.pixel_format)
        memory = memory[:, : max(plan.slot_bytes, plan.largest_bytes)]
        if not plan.largest_bytes:
            os.close(descriptor)
            return ArrayPool(pixel_format, generations, memory)
        sizes = np.frombuffer(arena, np.uint64, slots, offset=8 * slots)
        growth = SlotGrowth(descriptor, arena, sizes, (offset, stride), plan.most_bytes)
        return ArrayPool(pixel_format, generations, memory, growth)


def _allocate(plan: PoolPlan) -> None:
    path, slots = plan.path, plan.slots
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise _unusable(exc) from exc
    try:
        if plan.largest_bytes:
            _allocate_beginnings(descriptor, plan)
        else:
            os.posix_fallocate(descriptor, 0, arena_bytes(slots, plan.slot_bytes))
    except OSError as exc:
        path.unlink()
        raise _too_little(exc, slots, arena_bytes(slots, plan.slot_bytes)) from exc
    finally:
        os.close(descriptor)


def _allocate_beginnings(descriptor: int, plan: PoolPlan) -> None:
    """Give each slot the memory that it begins with."""
    offset, stride = _head_bytes(plan), _stride(plan)
    os.ftruncate(descriptor, offset + plan.slots * stride)
    os.posix_fallocate(descriptor, 0, offset)
    for slot in range(plan.slots):
        os.posix_fallocate(descriptor, offset + slot * stride, _pages(plan.slot_bytes))
    sizes = np.full(plan.slots, plan.slot_bytes, np.uint64)
    os.pwrite(descriptor, sizes.tobytes(), 8 * plan.slots)


def _head_bytes(plan: PoolPlan) -> int:
    return _pages((16 if plan.largest_bytes else 8) * plan.slots)


def _stride(plan: PoolPlan) -> int:
    return _pages(max(plan.slot_bytes, plan.largest_bytes))


def arena_bytes(slots: int, slot_bytes: int) -> int:
    """Memory of a pool when it is made."""
    return _pages(8 * slots) + slots * _pages(slot_bytes)


def _pages(size: int) -> int:
    return -(-size // PAGE) * PAGE


def free_bytes() -> int:
    """Shared memory that is free.

    Raises:
        ConfigError: there is none on this machine.
    """
    try:
        found = os.statvfs(FOLDER)
    except OSError as exc:
        raise _unusable(exc) from exc
    return found.f_bavail * found.f_frsize


def _unusable(exc: OSError) -> ConfigError:
    return ConfigError(
        f"images need shared memory in {FOLDER}, which cannot be used ({exc.strerror}): mount a"
        f" tmpfs there that this user may write to (docker run --tmpfs {FOLDER}:rw,size=1g)"
    )


def _too_little(exc: OSError, slots: int, size: int) -> ConfigError:
    wanted = f"a pool of {slots} slots needs {size >> 20} MiB"
    if exc.errno == errno.EFBIG:
        return ConfigError(
            f"{wanted} of shared memory, more than the file size limit of this user (ulimit -f)"
        )
    if exc.errno != errno.ENOSPC:
        return _unusable(exc)
    return ConfigError(
        f"shared memory is full: {wanted} in {FOLDER}, {free_bytes() >> 20} MiB are free; make it"
        " larger (in a container: --shm-size=1g), or have smaller images (`slot_hw` in the deploy"
        " file, if no source has larger ones)"
    )
