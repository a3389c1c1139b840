"""A pool whose slots are rows of a numpy array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamdet.errors import FrameError, StalePixelsError
from streamdet.frame import FrameRef
from streamdet.image import BGR24, PixelFormat, Pixels
from streamdet.transport.pool import Device
from streamdet.transport.shm_growth import SlotGrowth


class ArrayPool:
    """The slots of one pool in memory of the CPU; see pool.FramePool.

    Args:
        pixel_format: of the images.
        generations: (slots,) uint64, the generation of each slot's content.
        memory: (slots, bytes of a slot) uint8.
        growth: gives memory to the slots when images need it; None: they have all of it.
    """

    device: Device = "cpu"

    def __init__(
        self,
        pixel_format: PixelFormat,
        generations: npt.NDArray[np.uint64],
        memory: npt.NDArray[np.uint8],
        growth: SlotGrowth | None = None,
    ) -> None:
        self.pixel_format = pixel_format
        self._growth = growth
        self._generations = generations
        self._memory = memory

    @classmethod
    def in_memory(cls, slots: int, slot_bytes: int, pixel_format: PixelFormat = BGR24) -> ArrayPool:
        """Make a pool that only this process sees, for tests."""
        memory = np.zeros((slots, slot_bytes), np.uint8)
        return cls(pixel_format, np.zeros(slots, np.uint64), memory)

    @property
    def slot_pixels(self) -> int:
        """The most pixels that an image in a slot may have."""
        return int(self._memory.shape[1]) // self.pixel_format.byte_count((1, 1))

    def claim(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        """Begin to write a slot: see pool.FramePool."""
        wanted = self.pixel_format.byte_count(hw)
        if wanted > self._memory.shape[1]:
            raise FrameError("the image is larger than the pool's slots")
        if self._growth is not None:
            self._growth.make_room(ref.slot, wanted)
        self._generations[ref.slot] = ref.generation
        return self._image(ref, hw)

    def written(self, ref: FrameRef) -> None:
        """Nothing to do: what the CPU writes is there."""

    def settle(self) -> None:
        """Nothing to wait for."""

    def view(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        """View a published slot: see pool.FramePool."""
        if not self.is_current(ref):
            raise StalePixelsError(f"slot {ref.slot} of pool {ref.pool} holds another frame now")
        pixels = self._image(ref, hw)
        pixels.flags.writeable = False
        return pixels

    def is_current(self, ref: FrameRef) -> bool:
        """Whether the slot still holds the frame that the reference names: ask again after use."""
        return int(self._generations[ref.slot]) == ref.generation

    def close(self) -> None:
        """Release the memory: mapped memory is unmapped when the last view is gone."""
        del self._generations, self._memory
        if self._growth is not None:
            self._growth.close()

    def _image(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        used = self._memory[ref.slot, : self.pixel_format.byte_count(hw)]
        return used.view(self.pixel_format.dtype).reshape(self.pixel_format.shape(hw))
