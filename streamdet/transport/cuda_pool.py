"""The pool in the memory of a GPU: an arena of equal slots, mapped by every process that uses it.

The pixels lie in the GPU and belong to the owner (cuda_owner.py). The generations lie in shared
memory, in the file that the plan names, with the handles by which pixels and events are opened.

Note "Written, then told": a writer records the slot's event after its pixels, and a reader's stream
waits for the event, so that neither the CPU of the writer nor that of the reader waits for each
frame. Before the frame is committed `settle` waits, once for a batch: what a killed process had
queued is never done, and a frame that is committed must have its pixels.

Layout of the file: one uint64 generation per slot, then JSON.
"""

from __future__ import annotations

import json
import mmap
import os
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.errors import ConfigError, FrameError, StalePixelsError
from streamdet.frame import FrameRef
from streamdet.image import DevicePixels, PixelFormat
from streamdet.registry import load
from streamdet.transport.cuda_device import CudaDevice, open_device
from streamdet.transport.cuda_owner import Owner
from streamdet.transport.pool import Device, PoolPlan

ALIGN: Final = 512
"""Slots start at multiples of so many bytes, as memory of the driver does."""


class CudaPool:
    """The kind `cuda`: see pool.PoolKind."""

    @staticmethod
    def create(plan: PoolPlan) -> CudaFramePool:
        """Have the device's owner take memory, and write the pool's file.

        Raises:
            ConfigError: the device cannot be used, or has not so much memory.
        """
        owner = Owner.of(plan.device)
        try:
            made = owner.allocate(plan.slots, plan.slots * _stride(plan))
        except ConfigError as exc:
            raise ConfigError(
                f"images cannot be kept on {plan.device}: {exc} (pool {plan.path.name}:"
                f" {plan.slots} slots; `slots` and `slot_hw` of the deploy file make it smaller)"
            ) from exc
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(plan.path, flags, 0o600), "wb") as file:
            file.write(bytes(8 * plan.slots) + json.dumps(made).encode())
        return CudaFramePool(plan, owner)

    @staticmethod
    def attach(plan: PoolPlan) -> CudaFramePool:
        """Read a pool's file; the device is opened when the first slot is used."""
        return CudaFramePool(plan)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A pool's memory in this process.

    Attributes:
        device: the device.
        pointer: address of the first slot.
        events: slot -> its event.
    """

    device: CudaDevice
    pointer: int
    events: dict[int, Any]


class CudaFramePool:
    """The slots of one pool in a GPU; see pool.FramePool.

    Args:
        plan: of the pool.
        owner: of its memory, in the process that made it.
    """

    device: Device = "cuda"

    def __init__(self, plan: PoolPlan, owner: Owner | None = None) -> None:
        self.pixel_format: PixelFormat = load("pixel_format", plan.pixel_format)
        self._plan, self._owner = plan, owner
        with plan.path.open("r+b") as file:
            shared = mmap.mmap(file.fileno(), 0)
        self._generations: npt.NDArray[np.uint64] = np.frombuffer(shared, np.uint64, plan.slots)
        handles = json.loads(shared[8 * plan.slots :])
        self._memory = bytes.fromhex(handles["memory"])
        self._events = [bytes.fromhex(handle) for handle in handles["events"]]
        self._opened: _Opened | None = None
        self._is_writing = False

    @property
    def slot_pixels(self) -> int:
        """The most pixels that an image in a slot may have."""
        return self._plan.slot_bytes // self.pixel_format.byte_count((1, 1))

    def claim(self, ref: FrameRef, hw: tuple[int, int]) -> DevicePixels:
        """Begin to write a slot: see pool.FramePool."""
        if self.pixel_format.byte_count(hw) > self._plan.slot_bytes:
            raise FrameError("the image is larger than the pool's slots")
        image = self._image(ref, hw, is_writable=True)
        self._generations[ref.slot] = ref.generation
        return image

    def written(self, ref: FrameRef) -> None:
        """Record the slot's event: see the note "Written, then told"."""
        self._is_writing = True
        self._open().device.record(self._event(ref.slot))

    def settle(self) -> None:
        """Wait for the device, if it was told to write: see pool.FramePool."""
        if self._is_writing:
            self._open().device.synchronize()
        self._is_writing = False

    def view(self, ref: FrameRef, hw: tuple[int, int]) -> DevicePixels:
        """View a published slot: see pool.FramePool."""
        if int(self._generations[ref.slot]) != ref.generation:
            raise StalePixelsError(f"slot {ref.slot} of pool {ref.pool} holds another frame now")
        image = self._image(ref, hw, is_writable=False)
        self._open().device.wait_for(self._event(ref.slot))
        return image

    def is_current(self, ref: FrameRef) -> bool:
        """Whether the slot still holds the frame: see pool.FramePool."""
        if self._opened is not None:
            self._opened.device.synchronize()
        return int(self._generations[ref.slot]) == ref.generation

    def close(self) -> None:
        """Unmap the memory; in the process that made it, give it back."""
        if self._opened is not None:
            self._opened.events.clear()
            self._opened.device.close_memory(self._memory)
            self._opened.device.close()
            self._opened = None
        if self._owner is not None:
            self._owner.free(self._memory.hex())
            self._owner = None

    def _image(self, ref: FrameRef, hw: tuple[int, int], *, is_writable: bool) -> DevicePixels:
        pointer = self._open().pointer + ref.slot * _stride(self._plan)
        shape, dtype = self.pixel_format.shape(hw), self.pixel_format.dtype
        return DevicePixels(self._plan.device, pointer, shape, dtype, is_writable)

    def _open(self) -> _Opened:
        if self._opened is None:
            device = open_device(self._plan.device)
            self._opened = _Opened(device, device.open_memory(self._memory), {})
        return self._opened

    def _event(self, slot: int) -> Any:
        opened = self._open()
        if slot not in opened.events:
            opened.events[slot] = opened.device.open_event(self._events[slot])
        return opened.events[slot]


def _stride(plan: PoolPlan) -> int:
    return -(-plan.slot_bytes // ALIGN) * ALIGN
