"""The stage of a detector: prepared images in, objects in source pixels out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from streamdet.detections import Detections, FrameMasks
from streamdet.detectors import Detector, FrameDetector
from streamdet.errors import StalePixelsError
from streamdet.frame import Geometry
from streamdet.image import AnyPixels
from streamdet.ops.paste_masks import paste_masks
from streamdet.stages import Job
from streamdet.stages.pixels import LOST_PIXELS, PixelStore


class DetectStage:
    """Detects in batches.

    Args:
        model: name of the model, for the messages.
        detector: the detector.
        pixels: the pools.
        device: where the detector reads images: cpu, or a GPU.
    """

    def __init__(
        self, model: str, detector: Detector, pixels: PixelStore, *, device: str = "cpu"
    ) -> None:
        self._model = model
        self._device = device
        self._detector = detector
        self._pixels = pixels

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Detect in each frame's prepared image: see stages.Stage."""
        looked_up = [self._image(job) for job in jobs]
        seen = [
            (image, job.message.index)
            for job, image in zip(jobs, looked_up, strict=True)
            if not isinstance(image, str)
        ]
        found = iter(self._detect(seen) if seen else [])
        return [
            job.dropped(image) if isinstance(image, str) else self._found(job, next(found))
            for job, image in zip(jobs, looked_up, strict=True)
        ]

    def _detect(self, seen: Sequence[tuple[AnyPixels, int]]) -> list[Detections]:
        images: list[Any] = [image for image, _ in seen]
        if isinstance(self._detector, FrameDetector):
            return self._detector.detect_frames(images, [index for _, index in seen])
        return self._detector(images)

    def _image(self, job: Job) -> AnyPixels | str:
        """The prepared image, or why there is none."""
        if job.message.drop_reason is not None:
            return job.message.drop_reason
        try:
            image = self._pixels.prepared(job, self._device)
        except StalePixelsError:
            return LOST_PIXELS
        return "the frame has no prepared image" if image is None else image

    def _found(self, job: Job, detections: Detections) -> Job:
        message = job.message
        assert message.prepared is not None
        if job.prepared is None and not self._pixels.is_current(message.prepared.pixels):
            return job.dropped(LOST_PIXELS)
        mapped = to_source(detections, message.prepared.geometry, message.frame.hw)
        message = replace(
            message,
            detections=mapped,
            model=self._model,
            prepared=None,
            input_hw=message.prepared.hw,
        )
        return replace(job, message=message, prepared=None)

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
        """The model is released with the process."""


def to_source(
    detections: Detections,
    geometry: Geometry,
    hw: tuple[int, int],
    within: tuple[int, int, int, int] | None = None,
) -> Detections:
    """Map the detections of a prepared image to its source frame.

    Boxes are clipped to what the image shows, and objects whose box becomes empty are dropped;
    keypoints are not clipped. `mask_probs` become `masks`, pasted into the boxes as they were
    before clipping.

    Args:
        detections: in prepared pixels.
        geometry: maps source pixels to prepared ones.
        hw: height and width of the source frame.
        within: the part of it that the image shows, pixels; None: all.
    """
    left, top, right, bottom = within or (0, 0, hw[1], hw[0])
    limits = np.array([[left, top] * 2, [right, bottom] * 2], np.float32)
    moved = detections.moved(geometry.to_source)
    clipped = np.clip(moved.xyxy, limits[0], limits[1])
    is_visible = (clipped[:, 2] > clipped[:, 0]) & (clipped[:, 3] > clipped[:, 1])
    whole, xyxy = moved[is_visible], clipped[is_visible]
    if whole.mask_probs is None:
        return replace(whole, xyxy=xyxy)
    masks = FrameMasks(hw, paste_masks(whole.mask_probs, whole.xyxy, hw))
    return replace(whole, xyxy=xyxy, masks=masks, mask_probs=None)
