"""The first stage: gives decoded frames their identity and, where others need them, a slot."""

from __future__ import annotations

import time
from dataclasses import replace

from streamdet.errors import FrameError
from streamdet.frame import Frame
from streamdet.image import Image
from streamdet.messages import FrameMessage, Timing
from streamdet.sources import DecodedFrame
from streamdet.stages import Job
from streamdet.stages.pixels import PixelStore


class SourceStage:
    """Turns decoded frames into jobs.

    Args:
        node: the source's node, which is also its pool.
        pixels: the pools.
        publishes_image: whether a process other than this one reads the source pictures.
    """

    def __init__(self, node: str, pixels: PixelStore, *, publishes_image: bool) -> None:
        self._node = node
        self._pixels = pixels
        self._publishes_image = publishes_image

    def job(self, source_id: str, decoded: DecodedFrame, started_ns: int) -> Job:
        """Make a decoded frame's job; its picture goes into a slot if others read it."""
        frame = Frame(
            source_id=source_id,
            index=decoded.position.index - 1,
            pts=decoded.pts,
            time_base=decoded.time_base,
            duration=decoded.duration,
            hw=decoded.image.hw,
            captured_ns=decoded.captured_ns,
        )
        message = FrameMessage(frame)
        if self._publishes_image:
            message = self._publish(message, decoded.image)
        started_ns += self._pixels.take_waited_ns()
        timing = Timing(self._node, started_ns, time.monotonic_ns())
        return Job(replace(message, timings=(timing,)), image=decoded.image)

    def _publish(self, message: FrameMessage, image: Image) -> FrameMessage:
        """Put the picture into a slot; if it is too large, its frame goes on without it."""
        try:
            ref, slot = self._pixels.claim(self._node, image.hw)
        except FrameError:
            return message
        try:
            slot[:] = image.bgr()
        except FrameError as exc:
            self._pixels.unclaim(ref)
            return replace(message, drop_reason=str(exc))
        return replace(message, frame=replace(message.frame, pixels=ref))
