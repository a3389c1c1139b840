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
from streamdet.sinks.overlays import fit_masks


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
        self._drawn = np.zeros_like(self._pixels)

    def paint(
        self, message: FrameMessage, image: Image | None, class_names: Sequence[str]
    ) -> Pixels:
        """Return the annotated picture, valid until the next call.

        A frame without a picture is painted on the last one (black where there was none) and says
        so; a dropped frame says why instead of showing objects.

        Args:
            message: the frame, detections in source pixels.
            image: its picture.
            class_names: of the model that found the objects.
        """
        if image is not None:
            self._place(image)
        np.copyto(self._drawn, self._pixels)
        is_dropped = message.drop_reason is not None
        found = Detections.empty() if is_dropped else message.detections or Detections.empty()
        hw = message.frame.hw if image is None else image.hw
        found = self._moved(found, self._fit(hw))
        self.trails.update(found)
        labels = [class_label(class_names, class_id) for class_id in found.class_ids.tolist()]
        draw_detections(self._drawn, found, labels, self.trails)
        if is_dropped:
            draw_notice(self._drawn, f"dropped: {message.drop_reason}")
        elif image is None:
            draw_notice(self._drawn, "no picture")
        return self._drawn

    def _moved(self, found: Detections, fit: Geometry) -> Detections:
        if fit == Geometry((1.0, 1.0)):
            return found
        moved = found.moved(fit.to_prepared)
        masks = None if found.masks is None else fit_masks(found.masks, fit, self.hw)
        return replace(moved, masks=masks)

    def _fit(self, hw: tuple[int, int]) -> Geometry:
        """Say where a picture of that size lies on the canvas."""
        if hw == self.source_hw or min(hw) < 1:
            return Geometry((1.0, 1.0))
        scale = min(self.hw[0] / hw[0], self.hw[1] / hw[1])
        height, width = _scaled(hw, scale)
        return Geometry((scale, scale), ((self.hw[1] - width) // 2, (self.hw[0] - height) // 2))

    def _place(self, image: Image) -> None:
        """Copy the picture onto the canvas (the slot that it lies in is read-only)."""
        height, width = self.source_hw
        if image.hw == self.source_hw:
            self._pixels[:height, :width] = image.bgr()
            self._pixels[height:] = self._pixels[height - 1]
            self._pixels[:, width:] = self._pixels[:, width - 1 : width]
            return
        geometry = self._fit(image.hw)
        fitted_hw = _scaled(image.hw, geometry.scale_xy[0])
        fitted = np.empty((*fitted_hw, 3), np.uint8)
        image.resize_into(fitted)
        left, top = map(int, geometry.offset_xy)
        self._pixels[:] = 0
        self._pixels[top : top + fitted_hw[0], left : left + fitted_hw[1]] = fitted


def _scaled(hw: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(hw[0] * scale)), max(1, round(hw[1] * scale))
