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

from streamdet.errors import ConfigError, FrameError, StalePixelsError
from streamdet.frame import FrameRef
from streamdet.image import Pixels

FOLDER: Final = Path("/dev/shm")  # noqa: S108  the tmpfs of POSIX shared memory, not a temporary file
PAGE: Final = mmap.PAGESIZE


class ShmPool:
    """A pool as one process sees it; see pool.py for the promises.

    Args:
        path: the pool's file.
        slots: how many slots it has.
        slot_bytes: bytes of one slot that may be used.
    """

    def __init__(self, path: Path, slots: int, slot_bytes: int) -> None:
        self.slot_bytes = slot_bytes
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._map = mmap.mmap(descriptor, arena_bytes(slots, slot_bytes))
        finally:
            os.close(descriptor)
        self._generations = np.frombuffer(self._map, np.uint64, slots)
        self._bytes = np.frombuffer(self._map, np.uint8)
        self._first, self._stride = _pages(8 * slots), _pages(slot_bytes)

    @classmethod
    def create(cls, path: Path, slots: int, slot_bytes: int) -> ShmPool:
        """Make the pool's file, readable by this user only, with every page touched.

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
                f" {FOLDER}, {_free_bytes() >> 20} MiB are free; lower `slots` in the deploy file"
            ) from exc
        finally:
            os.close(descriptor)
        return cls(path, slots, slot_bytes)

    def claim(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        """Begin to write a slot: see pool.FramePool."""
        if hw[0] * hw[1] * 3 > self.slot_bytes:
            raise FrameError("the picture is larger than the pool's slots")
        self._generations[ref.slot] = ref.generation
        return self._picture(ref, hw)

    def view(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        """Look at a published slot: see pool.FramePool."""
        if not self.is_current(ref):
            raise StalePixelsError(f"slot {ref.slot} of pool {ref.pool} holds another frame by now")
        pixels = self._picture(ref, hw)
        pixels.flags.writeable = False
        return pixels

    def is_current(self, ref: FrameRef) -> bool:
        """Whether the slot still holds what the address says."""
        return int(self._generations[ref.slot]) == ref.generation

    def close(self) -> None:
        """Unmap as soon as the last view is gone."""
        del self._generations, self._bytes

    def _picture(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        start = self._first + ref.slot * self._stride
        return self._bytes[start : start + hw[0] * hw[1] * 3].reshape(*hw, 3)


def arena_bytes(slots: int, slot_bytes: int) -> int:
    """Size of a pool's file."""
    return _pages(8 * slots) + slots * _pages(slot_bytes)


def _pages(size: int) -> int:
    return -(-size // PAGE) * PAGE


def _free_bytes() -> int:
    stat = os.statvfs(FOLDER)
    return stat.f_bavail * stat.f_frsize
