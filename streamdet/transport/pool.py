"""A pool: equal slots, allocated once, that other processes see without a copy.

Who owns a slot is written in the bus (`take_slots`, `step`); the pool only holds the bytes, and for
each slot the generation of what lies in it. A writer claims the slot first (this stamps the
generation), then writes. A reader checks the generation before and after it used the pixels: if it
changed, another worker has committed that frame already and the result must be thrown away.

A kind of pool is one file here and one line in registry.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from streamdet.frame import FrameRef
from streamdet.image import PixelFormat, Pixels

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """A pool that is to be made, named after the node that fills it.

    Attributes:
        kind: a name of registry.KINDS["pool"].
        pixel_format: of the images in it, a name of registry.KINDS["pixel_format"].
        path: where its processes find it.
        slots: how many slots it has.
        slot_bytes: bytes of one slot that may be used.
    """

    kind: str
    pixel_format: str
    path: Path
    slots: int
    slot_bytes: int


class FramePool(Protocol):
    """The slots of one pool, seen from one process."""

    @property
    def device(self) -> Device:
        """Where the pixels lie: what reads them must work there."""
        ...

    @property
    def pixel_format(self) -> PixelFormat:
        """How the pixels of every image in it lie."""
        ...

    @property
    def slot_pixels(self) -> int:
        """How many pixels an image may have that is to fit a slot."""
        ...

    def claim(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        """Begin to write a slot that was taken from the bus.

        Returns:
            An image of the pool's pixel format, writable, in the pool's memory.

        Raises:
            FrameError: an image of `hw` does not fit a slot.
        """
        ...

    def view(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        """Look at a published slot.

        Returns:
            An image of the pool's pixel format, read-only, in the pool's memory.

        Raises:
            StalePixelsError: something else lies in the slot by now.
        """
        ...

    def is_current(self, ref: FrameRef) -> bool:
        """Whether the slot still holds what the address says: ask again after use."""
        ...

    def close(self) -> None:
        """Let go of the memory; safe while views of it are in use."""
        ...


class PoolKind(Protocol):
    """What registry.py names: makes a pool, and finds it in every other process of the run."""

    def create(self, plan: PoolPlan) -> FramePool:
        """Make the pool; whoever does so outlives its readers.

        Raises:
            ConfigError: there is not enough memory.
        """
        ...

    def attach(self, plan: PoolPlan) -> FramePool:
        """Find a pool that another process has made with `create`."""
        ...
