"""The picture of an annotated video: source pictures in one size, with detections and trails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from streamdet.detections import Detections
from streamdet.frame import Geometry
from streamdet.image import Image, Pixels
from streamdet.messages import FrameMessage
from streamdet.public_json import class_label
from streamdet.sinks.drawing import Trails, draw_detections, draw_notice


class Canvas:
    """Paints the frames of one source, each over the one before.

    Attributes:
        source_hw: size of the pictures that fill the canvas; others are fitted into it.
        hw: height and width, pixels: those of the source, made even for 4:2:0 video by repeating
            the last row or column.
        trails: where the tracks were.
    """

    def __init__(self, source_hw: tuple[int, int], trails: Trails) -> None:
        """Start black.

        Args:
            source_hw: see above.
            trails: of earlier frames.
        """
        self.source_hw = source_hw
        self.hw = source_hw[0] + source_hw[0] % 2, source_hw[1] + source_hw[1] % 2
        self.trails = trails
        self._pixels = np.zeros((*self.hw, 3), np.uint8)

    def paint(
        self, message: FrameMessage, image: Image | None, class_names: Sequence[str]
    ) -> Pixels:
        """Return the annotated picture, valid until the next call.

        A dropped frame shows its reason over its own picture; where it has none (or another frame
        has lost its own), over the last one.

        Args:
            message: the frame, detections in source pixels.
            image: its picture.
            class_names: of the model that found the objects.
        """
        geometry = self._place(image) if image is not None else Geometry((1.0, 1.0))
        found = message.detections
        if message.drop_reason is not None or image is None:
            self.trails.update(Detections.empty())
            reason = message.drop_reason
            return self._with_notice("no picture" if reason is None else f"dropped: {reason}")
        if found is None:
            found = Detections.empty()
        found = replace(found, xyxy=geometry.to_prepared(found.xyxy))
        self.trails.update(found)
        labels = [class_label(class_names, class_id) for class_id in found.class_ids.tolist()]
        draw_detections(self._pixels, found, labels, self.trails)
        return self._pixels

    def _place(self, image: Image) -> Geometry:
        """Copy the picture onto the canvas (the slot that it lies in is read-only)."""
        height, width = self.source_hw
        if image.hw == self.source_hw:
            self._pixels[:height, :width] = image.bgr()
            self._pixels[height:] = self._pixels[height - 1]
            self._pixels[:, width:] = self._pixels[:, width - 1 : width]
            return Geometry((1.0, 1.0))
        scale = min(self.hw[0] / image.hw[0], self.hw[1] / image.hw[1])
        fitted_hw = max(1, round(image.hw[0] * scale)), max(1, round(image.hw[1] * scale))
        top, left = (self.hw[0] - fitted_hw[0]) // 2, (self.hw[1] - fitted_hw[1]) // 2
        fitted = np.empty((*fitted_hw, 3), np.uint8)
        image.resize_into(fitted)
        self._pixels[:] = 0
        self._pixels[top : top + fitted_hw[0], left : left + fitted_hw[1]] = fitted
        return Geometry((scale, scale), (left, top))

    def _with_notice(self, text: str) -> Pixels:
        picture = self._pixels.copy()
        draw_notice(picture, text)
        return picture
