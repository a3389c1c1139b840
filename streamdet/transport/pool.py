"""What a pool promises: equal slots, allocated once, that other processes see without a copy.

Who owns a slot is written in the bus (`take_slots`, `step`); the pool only holds the bytes, and for
each slot the generation of what lies in it. A writer claims the slot first (this stamps the
generation), then writes. A reader checks the generation before and after it used the pixels: if it
changed, another worker has committed that frame already and the result must be thrown away.
"""

from __future__ import annotations

from typing import Protocol

from streamdet.frame import FrameRef
from streamdet.image import Pixels


class FramePool(Protocol):
    """Slots of one pool, seen from one process.

    Attributes:
        slot_bytes: size of a slot.
    """

    slot_bytes: int

    def claim(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        """Begin to write a slot that was taken from the bus.

        Returns:
            (H, W, 3) uint8, writable, in the pool's memory.

        Raises:
            FrameError: a picture of `hw` does not fit a slot.
        """
        ...

    def view(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        """Look at a published slot.

        Returns:
            (H, W, 3) uint8, read-only, in the pool's memory.

        Raises:
            StalePixelsError: something else lies in the slot by now.
        """
        ...

    def is_current(self, ref: FrameRef) -> bool:
        """Whether the slot still holds what the address says: ask again after use."""
        ...

    def close(self) -> None:
        """Unmap; views become invalid."""
        ...
