"""The first stage: turns decoded frames into messages, with their images in slots if needed."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from streamdet.errors import FrameError, SourceError
from streamdet.frame import Frame
from streamdet.image import Image
from streamdet.messages import FrameMessage, Timing
from streamdet.sources import DecodedFrame
from streamdet.stages import Job
from streamdet.stages.pixels import NoSlotError, PixelStore
from streamdet.stages.preview import PreviewTap


class SourceStage:
    """Turns decoded frames into jobs.

    Args:
        node: the source's node, which is also its pool.
        pixels: the pools.
        publishes_image: whether a process other than this one reads the source images.
        preview: sees every frame that is not dropped.
    """

    def __init__(
        self,
        node: str,
        pixels: PixelStore,
        *,
        publishes_image: bool,
        preview: PreviewTap | None = None,
    ) -> None:
        self._node = node
        self._pixels = pixels
        self._publishes_image = publishes_image
        self._preview = preview
        self._unfit_hw: dict[str, tuple[int, int]] = {}

    def warnings(self, source_id: str) -> tuple[str, ...]:
        """One sentence if images of a source did not fit their slots, about the largest."""
        unfit_hw = self._unfit_hw.get(source_id)
        return () if unfit_hw is None else (self._misfit(source_id, unfit_hw),)

    def job(
        self,
        source_id: str,
        decoded: DecodedFrame,
        started_ns: int,
        drop_reason: str | None = None,
    ) -> Job:
        """Make the job of a decoded frame; put its image into a slot if another process reads it.

        Args:
            source_id: the source.
            decoded: the frame.
            started_ns: when its decoding began, monotonic.
            drop_reason: why the source drops it; None if it does not.

        Raises:
            SourceError: the image of the source's first frame does not fit a slot.
        """
        frame = Frame(
            source_id=source_id,
            index=decoded.position.index - 1,
            pts=decoded.pts,
            time_base=decoded.time_base,
            duration=decoded.duration,
            hw=decoded.image.hw,
            captured_ns=decoded.captured_ns,
            is_still=decoded.is_still,
            clock=decoded.clock,
        )
        message = FrameMessage(frame, drop_reason=drop_reason)
        image = decoded.image
        if self._publishes_image and drop_reason is None:
            message, image = self._publish(message, image)
        if self._preview is not None and message.drop_reason is None:
            self._preview.offer(frame, decoded.image)
        started_ns += self._pixels.take_waited_ns()
        timing = Timing(self._node, started_ns, time.monotonic_ns())
        return Job(replace(message, timings=(timing,)), image=image)

    def _publish(self, message: FrameMessage, image: Image) -> tuple[FrameMessage, Image]:
        """Put the image into a slot; if it is too large, the frame goes on without it.

        Returns:
            The message, and the image as this process sees it: in the slot, if that is on a GPU.
        """
        try:
            ref, slot = self._pixels.claim(self._node, image.hw)
        except NoSlotError as exc:
            return replace(message, drop_reason=str(exc)), image
        except FrameError as exc:
            self._note_misfit(message, image.hw, exc)
            return message, image
        try:
            image = self._pixels.fill(ref, slot, image)
        except FrameError as exc:
            self._pixels.unclaim(ref)
            return replace(message, drop_reason=str(exc)), image
        except MemoryError:
            self._pixels.unclaim(ref)
            raise
        return replace(message, frame=replace(message.frame, pixels=ref)), image

    def _note_misfit(self, message: FrameMessage, hw: tuple[int, int], exc: FrameError) -> None:
        if message.index == 0:
            raise SourceError(self._misfit(message.source_id, hw)) from exc
        largest_hw = self._unfit_hw.get(message.source_id, hw)
        self._unfit_hw[message.source_id] = max(largest_hw, hw, key=math.prod)

    def _misfit(self, source_id: str, hw: tuple[int, int]) -> str:
        return (
            f"{source_id}: an image of {hw[0]}x{hw[1]} ({math.prod(hw)} pixels) does not fit the"
            f" slots of {self._node} ({self._pixels.slot_pixels(self._node)} pixels): state"
            f" `slot_hw: [{hw[0]}, {hw[1]}]` in the deploy file, and a larger `pool_mib` if that is"
            " not enough"
        )
