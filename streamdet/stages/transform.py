"""The stage of a transform: makes the image for the detector, once per frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from streamdet.errors import FrameError, StalePixelsError
from streamdet.frame import FrameRef
from streamdet.image import AnyPixels, Image
from streamdet.messages import PreparedImage
from streamdet.stages import Job
from streamdet.stages.cuda_transform import StageTransform
from streamdet.stages.pixels import LOST_PIXELS, PixelStore


class TransformStage:
    """Prepares images.

    Args:
        node: the transform's node, which is also its pool.
        transform: makes the image.
        pixels: the pools.
        publishes: whether a process other than this one reads the prepared images.
        device: where the transform works: cpu, or a GPU.
    """

    def __init__(
        self,
        node: str,
        transform: StageTransform,
        pixels: PixelStore,
        *,
        publishes: bool,
        device: str = "cpu",
    ) -> None:
        self._node = node
        self._transform = transform
        self._pixels = pixels
        self._publishes = publishes
        self._device = device

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Prepare each frame's image: see stages.Stage."""
        return [self._prepare(job, len(jobs) - done) for done, job in enumerate(jobs)]

    def _prepare(self, job: Job, wanted: int) -> Job:
        if job.is_dropped:
            return job
        try:
            image = self._pixels.image(job)
            if image is None:
                raise FrameError("the image did not fit a slot of its pool")
            return self._transformed(job, image, wanted)
        except FrameError as exc:
            return job.dropped(str(exc))
        except StalePixelsError:
            return job.dropped(LOST_PIXELS)

    def _transformed(self, job: Job, image: Image, wanted: int) -> Job:
        hw = self._transform.output_hw(image.hw)
        ref, out = self._place(hw, wanted)
        try:
            geometry = self._transform(image, out)
            if job.image is None and not self._pixels.is_current(job.message.frame.pixels):
                raise StalePixelsError(LOST_PIXELS)
        except (FrameError, StalePixelsError):
            if ref is not None:
                self._pixels.unclaim(ref)
            raise
        if ref is not None:
            self._pixels.written(ref)
        prepared = PreparedImage(hw, geometry, ref)
        return replace(job, message=replace(job.message, prepared=prepared), prepared=out)

    def _place(self, hw: tuple[int, int], wanted: int) -> tuple[FrameRef | None, AnyPixels]:
        if self._publishes:
            return self._pixels.claim(self._node, hw, wanted)
        return None, self._pixels.private(self._transform.pixel_format, hw, self._device)

    def finish(self, source_id: str) -> None:
        """Nothing to do."""

    def restore(self, states: Mapping[str, bytes]) -> None:
        """There is no state."""

    def states(self) -> dict[str, bytes]:
        """There is no state."""
        return {}

    def committed(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to release."""
