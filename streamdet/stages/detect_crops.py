"""The stage of a second detector: it looks at crops of the source image, which `crop` has chosen.

A crop is prepared as a whole frame would be, by the transform of the detector's model, in this
process: crops need no slots. What is found is clipped to the crop and put beside the frame's other
objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import numpy as np

from streamdet.detections import Detections
from streamdet.detectors import Detector
from streamdet.errors import FrameError, StalePixelsError
from streamdet.frame import Geometry
from streamdet.image import ArrayImage, Pixels
from streamdet.messages import Crop, FrameMessage
from streamdet.models.model_config import ModelConfig
from streamdet.registry import load
from streamdet.stages import Job
from streamdet.stages.children import with_children
from streamdet.stages.detect import to_source
from streamdet.stages.pixels import LOST_PIXELS, PixelStore
from streamdet.transforms import Transform

NO_IMAGE: Final = "the image did not fit a slot of its pool"


@dataclass(frozen=True, slots=True)
class _View:
    """A crop as the detector sees it."""

    crop: Crop
    pixels: Pixels
    geometry: Geometry


class DetectCropsStage:
    """Detects in the crops of a batch of frames, in one call.

    Args:
        model: of the detector.
        detector: the detector.
        pixels: the pools.
        class_names: model name -> its class names, of the models that found the objects.
    """

    def __init__(
        self,
        model: ModelConfig,
        detector: Detector,
        pixels: PixelStore,
        class_names: Mapping[str, Sequence[str]],
    ) -> None:
        kind: Any = load("transform", model.transform.kind)
        self._transform: Transform = kind(kind.Options(**model.transform_options))
        self._model = model.name
        self._detector = detector
        self._pixels = pixels
        self._class_names = class_names

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Detect in each frame's crops: see stages.Stage."""
        seen = [self._views(job) for job in jobs]
        images = [view.pixels for views in seen if not isinstance(views, str) for view in views]
        found = iter(self._detector(images) if images else [])
        return [
            job.dropped(views)
            if isinstance(views, str)
            else replace(job, message=self._joined(job.message, views, islice(found, len(views))))
            for job, views in zip(jobs, seen, strict=True)
        ]

    def _views(self, job: Job) -> list[_View] | str:
        """Prepare the crops of a frame; or why that cannot be."""
        message = job.message
        if message.drop_reason is not None:
            return message.drop_reason
        if not message.crops:
            return []
        try:
            image = self._pixels.image(job)
            if image is None:
                return NO_IMAGE
            bgr = image.bgr()
            views = [self._view(crop, bgr) for crop in message.crops]
        except FrameError as exc:
            return str(exc)
        except StalePixelsError:
            return LOST_PIXELS
        is_lost = job.image is None and not self._pixels.is_current(message.frame.pixels)
        return LOST_PIXELS if is_lost else views

    def _view(self, crop: Crop, bgr: Pixels) -> _View:
        left, top, right, bottom = crop.xyxy
        image = ArrayImage(bgr[top:bottom, left:right])
        hw = self._transform.output_hw(image.hw)
        prepared = self._pixels.private(self._transform.pixel_format, hw)
        assert isinstance(prepared, np.ndarray)
        return _View(crop, prepared, self._transform(image, prepared))

    def _joined(
        self, message: FrameMessage, views: Sequence[_View], found: islice[Detections]
    ) -> FrameMessage:
        children = [
            (view.crop.row, from_crop(each, view.geometry, view.crop, message.frame.hw))
            for view, each in zip(views, found, strict=True)
        ]
        first_class = len(self._class_names.get(message.model or "", ()))
        parents = Detections.empty() if message.detections is None else message.detections
        objects = with_children(parents, children, first_class)
        model = f"{message.model}+{self._model}"
        return replace(message, detections=objects, model=model, crops=None)

    def finish(self, source_id: str) -> None:
        """Nothing to do."""

    def restore(self, states: Mapping[str, bytes]) -> None:
        """There is no state: which tracks were looked at, `crop` knows."""

    def states(self) -> dict[str, bytes]:
        """There is no state."""
        return {}

    def committed(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """The model is released with the process."""


def from_crop(found: Detections, geometry: Geometry, crop: Crop, hw: tuple[int, int]) -> Detections:
    """Map what was found in a prepared crop to its source frame; boxes are clipped to the crop.

    Args:
        found: in prepared pixels.
        geometry: maps the crop's pixels to prepared ones.
        crop: where it lies.
        hw: height and width of the source frame.
    """
    left, top, _, _ = crop.xyxy
    (scale_x, scale_y), (x, y) = geometry.scale_xy, geometry.offset_xy
    moved = Geometry(geometry.scale_xy, (x - left * scale_x, y - top * scale_y))
    return to_source(found, moved, hw, within=crop.xyxy)
