"""The image of an annotated video: source images in one size, with detections and trails.

An image of the right size is converted from where it lies, and never copied as BGR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from streamdet.detections import Detections, class_label
from streamdet.frame import Geometry
from streamdet.image import Image, OnDevice, Pixels
from streamdet.messages import FrameMessage
from streamdet.runtimes.gpu import Gpu
from streamdet.sinks.drawing import Trails, draw_detections, draw_notice
from streamdet.sinks.drawing_list import DrawingList
from streamdet.sinks.gpu_ground import GpuGround, Placed
from streamdet.sinks.markings import draw_areas, draw_counts, moved
from streamdet.sinks.overlays import fit_masks
from streamdet.sinks.yuv_image import BLACK_LUMA, GREY_CHROMA, Surface, YuvImage


class Canvas:
    """Paints the frames of one source, each over the one before.

    Attributes:
        source_hw: size of the images that fill the canvas; others are fitted into it.
        hw: height and width, pixels: those of the source, made even for 4:2:0 video by repeating
            the last row or column.
        trails: where the tracks were.
    """

    def __init__(self, source_hw: tuple[int, int], trails: Trails, gpu: Gpu | None = None) -> None:
        """Start black.

        Args:
            source_hw: see above.
            trails: of earlier frames.
            gpu: where images lie and are drawn on; None: on the CPU.
        """
        self.source_hw = source_hw
        self.hw = source_hw[0] + source_hw[0] % 2, source_hw[1] + source_hw[1] % 2
        self.trails = trails
        self._i420 = np.full((self.hw[0] * 3 // 2, self.hw[1]), GREY_CHROMA, np.uint8)
        self._i420[: self.hw[0]] = BLACK_LUMA
        self._ground = None if gpu is None else GpuGround(gpu, self.hw)

    def paint(
        self,
        yuv: YuvImage,
        message: FrameMessage,
        image: Image | None,
        class_names: Sequence[str],
    ) -> None:
        """Paint a frame over all of an image.

        A frame without an image is painted on the last one (black where there was none) and says
        so; a dropped frame says why instead of showing objects.

        Args:
            yuv: of the canvas' size; what it shows does not matter.
            message: the frame, detections in source pixels.
            image: its image.
            class_names: of the model that found the objects.
        """
        surface = self._surface(yuv, image)
        is_dropped = message.drop_reason is not None
        found = Detections.empty() if is_dropped else message.detections or Detections.empty()
        hw = message.frame.hw if image is None else image.hw
        fit = self._fit(hw)
        found, markings = self._moved(found, fit), moved(message.markings, fit)
        self.trails.update(found)
        draw_areas(surface, markings)
        labels = [class_label(class_names, class_id) for class_id in found.class_ids.tolist()]
        draw_detections(surface, found, labels, self.trails)
        draw_counts(surface, markings)
        if is_dropped:
            draw_notice(surface, f"dropped: {message.drop_reason}")
        elif image is None:
            draw_notice(surface, "no image")
        if self._ground is not None and isinstance(surface, DrawingList):
            self._ground.draw(surface, yuv)

    def _surface(self, yuv: YuvImage, image: Image | None) -> Surface:
        """What a frame is drawn on: its image, or the last one, or a list for a GPU."""
        if self._ground is not None:
            if image is not None:
                self._show(self._ground, image)
            return DrawingList(self.hw)
        if image is not None:
            self._convert(image)
        yuv.copy_from(YuvImage.of_i420(self._i420))
        return yuv

    def _show(self, ground: GpuGround, image: Image) -> None:
        assert isinstance(image, OnDevice)
        placed = None
        if image.hw != self.source_hw:
            geometry = self._fit(image.hw)
            left, top = map(int, geometry.offset_xy)
            placed = Placed(_scaled(image.hw, geometry.scale_xy[0]), (top, left))
        ground.show(image.pixels, placed)

    def _moved(self, found: Detections, fit: Geometry) -> Detections:
        if fit == Geometry((1.0, 1.0)):
            return found
        moved = found.moved(fit.to_prepared)
        masks = None if found.masks is None else fit_masks(found.masks, fit, self.hw)
        return replace(moved, masks=masks)

    def _fit(self, hw: tuple[int, int]) -> Geometry:
        """Say where an image of that size lies on the canvas."""
        if hw == self.source_hw or min(hw) < 1:
            return Geometry((1.0, 1.0))
        scale = min(self.hw[0] / hw[0], self.hw[1] / hw[1])
        height, width = _scaled(hw, scale)
        return Geometry((scale, scale), ((self.hw[1] - width) // 2, (self.hw[0] - height) // 2))

    def _convert(self, image: Image) -> None:
        """Keep the image without annotations, for frames that come without one."""
        import cv2

        pixels = image.bgr() if image.hw == self.hw else self._fitted(image)
        cv2.cvtColor(pixels, cv2.COLOR_BGR2YUV_I420, dst=self._i420)

    def _fitted(self, image: Image) -> Pixels:
        """Copy an image of another size into one of the canvas' size."""
        if image.hw == self.source_hw:
            bottom, right = self.hw[0] - image.hw[0], self.hw[1] - image.hw[1]
            return np.pad(image.bgr(), ((0, bottom), (0, right), (0, 0)), mode="edge")
        geometry = self._fit(image.hw)
        height, width = _scaled(image.hw, geometry.scale_xy[0])
        fitted = np.empty((height, width, 3), np.uint8)
        image.resize_into(fitted)
        left, top = map(int, geometry.offset_xy)
        pixels = np.zeros((*self.hw, 3), np.uint8)
        pixels[top : top + height, left : left + width] = fitted
        return pixels


def _scaled(hw: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(hw[0] * scale)), max(1, round(hw[1] * scale))
