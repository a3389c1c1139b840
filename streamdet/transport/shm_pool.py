"""The pool in POSIX shared memory: one file of equal slots in /dev/shm, mapped by every process.

The standard library's SharedMemory is not used: before Python 3.13 any reader that exits destroys
the segment. The file's blocks are allocated and touched when it is made, so a full tmpfs is an
error then and not a SIGBUS later, and no frame pays for fresh pages.

Layout: one uint64 generation per slot, padded to a page, then the slots, each a multiple of a page.
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
        _allocate(plan.path, plan.slots, arena_bytes(plan.slots, plan.slot_bytes))
        return ShmPool.attach(plan)

    @staticmethod
    def attach(plan: PoolPlan) -> ArrayPool:
        """Map a pool's file."""
        slots = plan.slots
        descriptor = os.open(plan.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            arena = mmap.mmap(descriptor, arena_bytes(slots, plan.slot_bytes))
        finally:
            os.close(descriptor)
        generations = np.frombuffer(arena, np.uint64, slots)
        memory = np.frombuffer(arena, np.uint8, offset=_pages(8 * slots)).reshape(slots, -1)
        pixel_format = load("pixel_format", plan.pixel_format)
        return ArrayPool(pixel_format, generations, memory[:, : plan.slot_bytes])


def _allocate(path: Path, slots: int, size: int) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as exc:
        path.unlink()
        if exc.errno == errno.EFBIG:
            raise ConfigError(
                f"a pool of {slots} slots needs {size >> 20} MiB of shared memory, more than"
                " the file size limit of this user (ulimit -f)"
            ) from exc
        if exc.errno != errno.ENOSPC:
            raise
        raise ConfigError(
            f"shared memory is full: a pool of {slots} slots needs {size >> 20} MiB in"
            f" {FOLDER}, {_free_bytes() >> 20} MiB are free; lower `pool_mib` in the deploy file"
            " (in a container: or raise --shm-size)"
        ) from exc
    finally:
        os.close(descriptor)


def arena_bytes(slots: int, slot_bytes: int) -> int:
    """Size of a pool's file."""
    return _pages(8 * slots) + slots * _pages(slot_bytes)


def _pages(size: int) -> int:
    return -(-size // PAGE) * PAGE


def _free_bytes() -> int:
    stat = os.statvfs(FOLDER)
    return stat.f_bavail * stat.f_frsize
