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
from streamdet.transport.pool import FramePool

FOLDER: Final = Path("/dev/shm")  # noqa: S108  the tmpfs of POSIX shared memory, not a temporary file
PAGE: Final = mmap.PAGESIZE


def create_pool(path: Path, slots: int, slot_bytes: int) -> FramePool:
    """Make a pool's file, readable by this user only, with every page touched.

    Args:
        path: the pool's file.
        slots: how many slots it has.
        slot_bytes: bytes of one slot that may be used.

    Raises:
        ConfigError: there is not enough shared memory.
    """
    size = arena_bytes(slots, slot_bytes)
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
    return map_pool(path, slots, slot_bytes)


def map_pool(path: Path, slots: int, slot_bytes: int) -> FramePool:
    """Map a pool that `create_pool` has made; its arguments."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        arena = mmap.mmap(descriptor, arena_bytes(slots, slot_bytes))
    finally:
        os.close(descriptor)
    generations = np.frombuffer(arena, np.uint64, slots)
    memory = np.frombuffer(arena, np.uint8, offset=_pages(8 * slots))
    return FramePool(generations, memory.reshape(slots, -1)[:, :slot_bytes])


def arena_bytes(slots: int, slot_bytes: int) -> int:
    """Size of a pool's file."""
    return _pages(8 * slots) + slots * _pages(slot_bytes)


def _pages(size: int) -> int:
    return -(-size // PAGE) * PAGE


def _free_bytes() -> int:
    stat = os.statvfs(FOLDER)
    return stat.f_bavail * stat.f_frsize
