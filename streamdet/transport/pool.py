"""A pool: equal slots, allocated once, that other processes see without a copy.

The bus knows who owns a slot (`take_slots`, `step`); the pool only holds the bytes, and for each
slot the generation of its content. A writer claims the slot first (this stamps the
generation), then writes. A reader checks the generation before and after it used the pixels: if it
changed, another worker has already committed that frame and the result must be discarded.

A kind of pool is one file here and one line in registry.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from streamdet.frame import FrameRef
from streamdet.image import AnyPixels, PixelFormat
from streamdet.registry import load

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """The plan of a pool, which is named after the node that fills it.

    Attributes:
        kind: a name of registry.KINDS["pool"], or "device_pool" if it lies in a GPU.
        pixel_format: of the images in it, a name of registry.KINDS["pixel_format"].
        path: where the processes find it.
        slots: number of slots.
        slot_bytes: usable bytes of one slot.
        device: cpu, or the GPU that it lies in: cuda:0.
        largest_bytes: a slot grows up to this size when an image needs it; 0: it does not grow.
        most_bytes: of all slots together, where they grow.
    """

    kind: str
    pixel_format: str
    path: Path
    slots: int
    slot_bytes: int
    device: str = "cpu"
    largest_bytes: int = 0
    most_bytes: int = 0


class FramePool(Protocol):
    """The slots of one pool, seen from one process."""

    @property
    def device(self) -> Device:
        """Device of the pixels; their readers must work there."""
        ...

    @property
    def pixel_format(self) -> PixelFormat:
        """The pixel format of every image in it."""
        ...

    @property
    def slot_pixels(self) -> int:
        """The most pixels that an image in a slot may have."""
        ...

    def claim(self, ref: FrameRef, hw: tuple[int, int]) -> AnyPixels:
        """Begin to write a slot that was taken from the bus.

        Returns:
            An image of the pool's pixel format, writable, in the pool's memory: `DevicePixels` of a
            pool in a GPU.

        Raises:
            SlotGivenUpError: the slot must not be used again, another one may do: shm_growth.py.
            FrameError: an image of `hw` does not fit a slot.
        """
        ...

    def written(self, ref: FrameRef) -> None:
        """Note that a claimed slot has been written, or that the GPU has been told to."""
        ...

    def settle(self) -> None:
        """Wait until the GPU has written all that it was told to: call before a frame is committed.

        What a killed process had told its GPU to do is never done.
        """
        ...

    def view(self, ref: FrameRef, hw: tuple[int, int]) -> AnyPixels:
        """View a published slot.

        Returns:
            An image of the pool's pixel format, read-only, in the pool's memory.

        Raises:
            StalePixelsError: the slot holds another frame now.
        """
        ...

    def is_current(self, ref: FrameRef) -> bool:
        """Whether the slot still holds the frame that the reference names: ask again after use.

        Of a pool in a GPU it waits until that has used what it was told to.
        """
        ...

    def close(self) -> None:
        """Release the memory; safe while views of it are in use."""
        ...


class PoolKind(Protocol):
    """A kind in registry.py: makes a pool, and attaches to it in the other processes of the run."""

    def create(self, plan: PoolPlan) -> FramePool:
        """Make the pool; the process that does so must outlive its readers.

        Raises:
            ConfigError: there is not enough memory.
        """
        ...

    def attach(self, plan: PoolPlan) -> FramePool:
        """Attach to a pool that another process has made with `create`."""
        ...


def kind_of(plan: PoolPlan) -> PoolKind:
    """Import the kind of a pool."""
    kind: PoolKind = load("pool" if plan.device == "cpu" else "device_pool", plan.kind)
    return kind
