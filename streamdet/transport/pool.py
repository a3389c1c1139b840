"""A pool: equal slots, allocated once, that other processes see without a copy.

Who owns a slot is written in the bus (`take_slots`, `step`); the pool only holds the bytes, and for
each slot the generation of what lies in it. A writer claims the slot first (this stamps the
generation), then writes. A reader checks the generation before and after it used the pixels: if it
changed, another worker has committed that frame already and the result must be thrown away.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamdet.errors import FrameError, StalePixelsError
from streamdet.frame import FrameRef
from streamdet.image import Pixels


class FramePool:
    """The slots of one pool, seen from one process, wherever their memory is (see shm_pool.py).

    Args:
        generations: (slots,) uint64, of what lies in each slot.
        memory: (slots, bytes of a slot) uint8.
    """

    def __init__(self, generations: npt.NDArray[np.uint64], memory: npt.NDArray[np.uint8]) -> None:
        self._generations = generations
        self._memory = memory

    @classmethod
    def in_memory(cls, slots: int, slot_bytes: int) -> FramePool:
        """Make a pool that this process alone sees, for tests."""
        return cls(np.zeros(slots, np.uint64), np.zeros((slots, slot_bytes), np.uint8))

    @property
    def slot_pixels(self) -> int:
        """How many pixels an image may have that is to fit a slot."""
        return int(self._memory.shape[1]) // 3

    def claim(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        """Begin to write a slot that was taken from the bus.

        Returns:
            (H, W, 3) uint8, writable, in the pool's memory.

        Raises:
            FrameError: an image of `hw` does not fit a slot.
        """
        if hw[0] * hw[1] * 3 > self._memory.shape[1]:
            raise FrameError("the image is larger than the pool's slots")
        self._generations[ref.slot] = ref.generation
        return self._image(ref, hw)

    def view(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        """Look at a published slot.

        Returns:
            (H, W, 3) uint8, read-only, in the pool's memory.

        Raises:
            StalePixelsError: something else lies in the slot by now.
        """
        if not self.is_current(ref):
            raise StalePixelsError(f"slot {ref.slot} of pool {ref.pool} holds another frame by now")
        pixels = self._image(ref, hw)
        pixels.flags.writeable = False
        return pixels

    def is_current(self, ref: FrameRef) -> bool:
        """Whether the slot still holds what the address says: ask again after use."""
        return int(self._generations[ref.slot]) == ref.generation

    def close(self) -> None:
        """Let go of the memory: mapped memory is unmapped as soon as the last view is gone."""
        del self._generations, self._memory

    def _image(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        return self._memory[ref.slot, : hw[0] * hw[1] * 3].reshape(*hw, 3)
