"""The pools as a stage sees them: finds a frame's images and gives slots for new ones."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from streamdet.errors import FrameError
from streamdet.frame import FrameRef
from streamdet.image import AnyPixels, ArrayImage, DevicePixels, Image, PixelFormat
from streamdet.registry import load
from streamdet.stages import Job
from streamdet.stages.device_image import DeviceImage
from streamdet.transport.bus import Bus, Lease
from streamdet.transport.cuda_device import CudaDevice, open_device
from streamdet.transport.pool import FramePool
from streamdet.transport.shm_growth import SlotGivenUpError

SLOT_WAIT_S: Final = 0.25
"""Longest wait of one request for a slot; then the worker sends a heartbeat and asks again."""
LOST_PIXELS: Final = "pixels overwritten before they were read"
"""Drop reason of a frame whose slot was reused for another frame before it was read."""


class NoSlotError(FrameError):
    """No slot is free, and this source does not wait."""

    def __init__(self) -> None:
        super().__init__("busy: no slot was free")


class PixelStore:
    """Finds and places images for the stages of one process.

    Args:
        bus: where slots are taken.
        pools: pool name -> pool.
        on_wait: called whenever no slot is free; may raise to give up waiting.

    Attributes:
        on_wait: the same, may be replaced.
        slot_wait_s: longest wait of one request for a slot; then `on_wait` is called.
    """

    def __init__(
        self, bus: Bus, pools: Mapping[str, FramePool], on_wait: Callable[[], None]
    ) -> None:
        self._bus = bus
        self._pools = pools
        self.on_wait = on_wait
        self.slot_wait_s = SLOT_WAIT_S
        self._lease: Lease | None = None
        self._taken: dict[str, deque[FrameRef]] = {}
        self._waited_ns = 0
        self._devices: dict[str, CudaDevice] = {}

    def attach(self, lease: Lease, own_pools: tuple[str, ...]) -> None:
        """Start under a new lease; slots that were taken but never published are returned."""
        self._lease = lease
        self._taken = {pool: deque() for pool in own_pools}
        for pool in own_pools:
            self._bus.return_slots(lease, pool)

    def image(self, job: Job) -> Image | None:
        """The source image; None if it was never made, or if this process does not read its pool.

        Raises:
            StalePixelsError: its slot was reused for another frame.
        """
        frame = job.message.frame
        if job.image is not None or frame.pixels is None or frame.pixels.pool not in self._pools:
            return job.image
        return self._as_image(self._pools[frame.pixels.pool].view(frame.pixels, frame.hw))

    def prepared(self, job: Job, device: str = "cpu") -> AnyPixels | None:
        """The prepared image, copied to the CPU if a GPU has it; None if it was never made.

        Args:
            job: of the frame.
            device: who reads it: a GPU gets the image where it lies, and copies it if need be.

        Raises:
            StalePixelsError: its slot was reused for another frame.
        """
        image, prepared = job.prepared, job.message.prepared
        if image is None and prepared is not None and prepared.pixels is not None:
            image = self._pools[prepared.pixels.pool].view(prepared.pixels, prepared.hw)
        if isinstance(image, DevicePixels) and device == "cpu":
            return self.device(image.device).download(image)
        return image

    def device(self, name: str) -> CudaDevice:
        """Find a GPU, opened once: cuda:0 for the first.

        Raises:
            ConfigError: it cannot be used.
        """
        if name not in self._devices:
            self._devices[name] = open_device(name)
        return self._devices[name]

    def claim(self, pool: str, hw: tuple[int, int], wanted: int = 1) -> tuple[FrameRef, AnyPixels]:
        """Take a slot for an image; wait while none is free.

        Args:
            pool: the pool.
            hw: height and width of the image.
            wanted: how many slots the caller is about to claim; they are taken at once.

        Raises:
            FrameError: the image does not fit a slot (the slot is kept for the next one).
        """
        taken = self._taken[pool]
        while True:
            if not taken:
                self._wait_for_slots(pool, wanted)
            try:
                pixels = self._pools[pool].claim(taken[0], hw)
            except SlotGivenUpError:
                taken.popleft()  # stays this worker's, so that nobody else gets it
            else:
                return taken.popleft(), pixels

    def fill(self, ref: FrameRef, slot: AnyPixels, image: Image) -> Image:
        """Write an image into a claimed slot; returns it as it lies there, if that is on a GPU.

        Raises:
            FrameError: the image cannot be converted.
        """
        if isinstance(slot, DevicePixels):
            self.device(slot.device).upload(image.copy_into, slot)
            image = self._as_image(slot)
        else:
            image.copy_into(slot)
        self.written(ref)
        return image

    def written(self, ref: FrameRef) -> None:
        """Note that a claimed slot has been written, or that a GPU has been told to."""
        self._pools[ref.pool].written(ref)

    def settle(self) -> None:
        """Wait for what GPUs have been told to write: call before frames are committed."""
        for pool in self._taken:
            self._pools[pool].settle()

    def private(self, pixel_format: str, hw: tuple[int, int], device: str = "cpu") -> AnyPixels:
        """Make room for an image that no other process reads.

        Args:
            pixel_format: a name of registry.KINDS["pixel_format"].
            hw: height and width of the image.
            device: where: cpu, or a GPU.
        """
        wanted: PixelFormat = load("pixel_format", pixel_format)
        if device != "cpu":
            return self.device(device).private(wanted.shape(hw), wanted.dtype)
        return np.empty(wanted.shape(hw), wanted.dtype)

    def slot_pixels(self, pool: str) -> int:
        """The most pixels that an image in a slot may have."""
        return self._pools[pool].slot_pixels

    def unclaim(self, ref: FrameRef) -> None:
        """Keep a claimed slot for the next image, since this one failed."""
        self._taken[ref.pool].appendleft(ref)

    def take_waited_ns(self) -> int:
        """How long `claim` has waited since the last call; that is not work of a stage."""
        waited_ns, self._waited_ns = self._waited_ns, 0
        return waited_ns

    def _as_image(self, pixels: AnyPixels) -> Image:
        if isinstance(pixels, DevicePixels):
            return DeviceImage(pixels, self.device(pixels.device))
        return ArrayImage(pixels)

    def _wait_for_slots(self, pool: str, wanted: int) -> None:
        assert self._lease is not None
        started_ns = time.monotonic_ns()
        while not self._taken[pool]:
            slots = self._bus.take_slots(self._lease, pool, wanted, self.slot_wait_s)
            self._taken[pool].extend(slots)
            if not slots:
                self.on_wait()
        self._waited_ns += time.monotonic_ns() - started_ns

    def is_current(self, ref: FrameRef | None) -> bool:
        """Whether a slot still holds the frame that the reference names; ask after using the image.

        An image without a slot (None) belongs to this process and is always current.
        """
        return ref is None or self._pools[ref.pool].is_current(ref)
