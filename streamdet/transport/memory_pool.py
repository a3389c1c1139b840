"""The pool inside one process, for unit tests: the promises of pool.py, kept by plain arrays."""

from __future__ import annotations

import numpy as np

from streamdet.errors import FrameError, StalePixelsError
from streamdet.frame import FrameRef
from streamdet.image import Pixels


class MemoryPool:
    """Slots in this process's memory; see pool.FramePool."""

    def __init__(self, slots: int, slot_bytes: int) -> None:
        self.slot_bytes = slot_bytes
        self._slots = np.zeros((slots, slot_bytes), np.uint8)
        self._generations = [0] * slots

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
        return self._generations[ref.slot] == ref.generation

    def close(self) -> None:
        """Nothing to unmap."""

    def _picture(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        return self._slots[ref.slot, : hw[0] * hw[1] * 3].reshape(*hw, 3)
