"""The stage of a transform: makes the picture that the detector wants, once per frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from streamdet.errors import FrameError, StalePixelsError
from streamdet.image import Image
from streamdet.messages import Prepared
from streamdet.stages import Job
from streamdet.stages.pixels import LOST_PIXELS, PixelStore
from streamdet.transforms import Transform


class TransformStage:
    """Prepares pictures.

    Args:
        node: the transform's node, which is also its pool.
        transform: the arithmetic.
        pixels: the pools.
        publishes: whether a process other than this one reads the prepared pictures.
    """

    def __init__(
        self, node: str, transform: Transform, pixels: PixelStore, *, publishes: bool
    ) -> None:
        self._node = node
        self._transform = transform
        self._pixels = pixels
        self._publishes = publishes

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Prepare each frame's picture: see stages.Stage."""
        return [self._prepare(job, len(jobs) - done) for done, job in enumerate(jobs)]

    def _prepare(self, job: Job, wanted: int) -> Job:
        if job.is_dropped:
            return job
        try:
            image = self._pixels.image(job)
            if image is None:
                raise FrameError("the frame has no picture")
            done = self._transformed(job, image, wanted)
        except FrameError as exc:
            return job.dropped(str(exc))
        except StalePixelsError:
            return job.dropped(LOST_PIXELS)
        is_lost = job.image is None and not self._pixels.is_current(job.message.frame.pixels)
        return job.dropped(LOST_PIXELS) if is_lost else done

    def _transformed(self, job: Job, image: Image, wanted: int) -> Job:
        hw = self._transform.output_hw(image.hw)
        ref = None
        if self._publishes:
            ref, out = self._pixels.claim(self._node, hw, wanted)
        else:
            out = np.empty((*hw, 3), np.uint8)
        prepared = Prepared(hw, self._transform(image, out), ref)
        return replace(job, message=replace(job.message, prepared=prepared), prepared=out)

    def finish(self, source_id: str) -> None:
        """Nothing is held back."""

    def restore(self, states: Mapping[str, bytes]) -> None:
        """There is no state."""

    def states(self) -> dict[str, bytes]:
        """There is no state."""
        return {}

    def committed(self) -> None:
        """Nothing waits for it."""

    def close(self) -> None:
        """Nothing to let go of."""
