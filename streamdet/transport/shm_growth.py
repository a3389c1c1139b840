"""Slots of a pool in shared memory that grow when a camera sends larger images.

The file is as long as the largest slots would need, but only what has been used has memory. A slot
grows in its place, by the worker that owns it just then, so that nobody has to be told. Together
they take no more than the pool may: a slot that cannot grow gives up what it has, for those that
can, and is used no more until its worker ends. So there are fewer slots then, but large enough.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.errors import FrameError

KEPT_PART: Final = 4
"""One in so many slots is never given up."""


class SlotGivenUpError(FrameError):
    """The slot has no memory any more: its owner keeps it, and takes another one."""


class SlotGrowth:
    """Gives memory to the slots of one pool.

    Args:
        descriptor: of the pool's file, this object's from now on.
        arena: the same, mapped.
        sizes: (slots,) uint64, in the file: the bytes that each slot has.
        place: offset of the first slot in the file, and of each from the one before, bytes.
        most_bytes: of all slots together.
    """

    def __init__(
        self,
        descriptor: int,
        arena: mmap.mmap,
        sizes: npt.NDArray[np.uint64],
        place: tuple[int, int],
        most_bytes: int,
    ) -> None:
        self._descriptor = descriptor
        self._arena = arena
        self._sizes = sizes
        self._offset, self._stride = place
        self._most_bytes = most_bytes

    def make_room(self, slot: int, wanted: int) -> None:
        """See that a slot, which is the caller's, has so many bytes.

        Raises:
            SlotGivenUpError: it cannot have them, and has none any more.
            FrameError: it cannot have them.
        """
        if wanted <= int(self._sizes[slot]):
            return
        with self._locked():
            if not self._grow(slot, wanted):
                self._give_up(slot)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
        del self._sizes, self._arena

    def _grow(self, slot: int, wanted: int) -> bool:
        if int(self._sizes.sum()) - int(self._sizes[slot]) + wanted > self._most_bytes:
            return False
        try:
            os.posix_fallocate(self._descriptor, self._offset + slot * self._stride, wanted)
        except OSError:  # shared memory is full
            return False
        self._sizes[slot] = wanted
        return True

    def _give_up(self, slot: int) -> None:
        in_use = int(np.count_nonzero(self._sizes))
        if in_use <= max(2, len(self._sizes) // KEPT_PART):
            raise FrameError("there is no memory for an image of this size")
        self._sizes[slot] = 0
        self._arena.madvise(mmap.MADV_REMOVE, self._offset + slot * self._stride, self._stride)
        raise SlotGivenUpError("the slot was too small, and could not grow")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
