"""Frames, boxes and a pool for the tests of single stages."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from streamdet.detections import Detections
from streamdet.frame import Frame, FrameRef
from streamdet.image import ArrayImage, Pixels
from streamdet.messages import FrameMessage
from streamdet.stages import Job
from streamdet.stages.pixels import PixelStore
from streamdet.transport.array_pool import ArrayPool
from streamdet.transport.bus import GroupLayout, Lease, RunLayout
from streamdet.transport.memory_bus import MemoryBus

HW = (4, 6)
SLOT_BYTES = 4 * 6 * 3


class Rig:
    """One worker's pixel store on a bus, with a pool "prepare" and a pool "camera" of two slots."""

    def __init__(self) -> None:
        self.bus = MemoryBus(RunLayout("run", {"g": GroupLayout()}, {"prepare": 2, "camera": 2}))
        self.bus.create()
        self.pools = {name: ArrayPool.in_memory(2, SLOT_BYTES) for name in ("prepare", "camera")}
        self.waits = 0
        self.pixels = PixelStore(self.bus, self.pools, self.waited)
        self.lease: Lease = self.bus.take_lease("g", "g-0")
        self.pixels.attach(self.lease, ("prepare", "camera"))

    def waited(self) -> None:
        self.waits += 1

    def filled(self, pool: str, level: int) -> FrameRef:
        """A slot with a grey image in it."""
        ref, pixels = self.pixels.claim(pool, HW)
        assert isinstance(pixels, np.ndarray)
        pixels[:] = level
        return ref

    def overwrite(self, ref: FrameRef) -> None:
        """Let another frame take the slot."""
        later = FrameRef(ref.pool, ref.slot, ref.generation + 1)
        self.pools[ref.pool].claim(later, HW)[:] = 99


def grey(level: int = 0, hw: tuple[int, int] = HW) -> Pixels:
    return np.full((*hw, 3), level, np.uint8)


def job(index: int = 0, *, pixels: FrameRef | None = None, level: int | None = None) -> Job:
    """A frame; with a slot, or with a grey image of its own."""
    frame = Frame("cam", index, index, Fraction(1, 10), 1, HW, 1, pixels)
    return Job(FrameMessage(frame), None if level is None else ArrayImage(grey(level)))


def boxes(xyxy: Sequence[Sequence[float]]) -> Detections:
    count = len(xyxy)
    return Detections(
        np.array(xyxy, np.float32), np.full(count, 0.5, np.float32), np.zeros(count, int)
    )
