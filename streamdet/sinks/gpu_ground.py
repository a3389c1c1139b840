"""What an annotated video is drawn on if its images lie on a GPU: only what is encoded leaves it.

The image becomes NV12 there, what is drawn goes there as a list, and the drawn image comes to the
CPU once, half as large as BGR; x264 encodes it on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.image import DevicePixels
from streamdet.kernels import draw, nv12
from streamdet.kernels.launch import DeviceArray
from streamdet.kernels.prepare import BgrFrame, Nv12Frame, Resize, YuvMatrix
from streamdet.runtimes.gpu import Gpu
from streamdet.sinks.drawing_list import DrawingList
from streamdet.sinks.yuv_image import BLACK_LUMA, GREY_CHROMA, YuvImage

_BLACK: Final = (0, 0, 0)
_BT_601: Final = YuvMatrix.of(0.299, 0.114)


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an image of another size lies on the canvas.

    Attributes:
        hw: of the resized image.
        offset: top and left.
    """

    hw: tuple[int, int]
    offset: tuple[int, int]


class GpuGround:
    """The image that is drawn on, and the same without annotations, for frames without an image."""

    def __init__(self, gpu: Gpu, hw: tuple[int, int]) -> None:
        """Start black.

        Args:
            gpu: where images lie.
            hw: height and width, even.
        """
        self._gpu, self._hw = gpu, hw
        shape = hw[0] * 3 // 2, hw[1]
        self._held = [gpu.private(shape, np.dtype(np.uint8)) for _ in range(2)]
        self._plain, self._drawn = map(_array, self._held)
        gpu.upload(self._blacken, self._plain)
        self._fitted: DevicePixels | None = None

    def show(self, image: DevicePixels, placed: Placed | None) -> None:
        """Keep an image without annotations.

        Args:
            image: (H, W, 3) uint8 BGR.
            placed: where, if it is of another size than the canvas; the rest is black.
        """
        frame = BgrFrame(image.pointer, image.hw[1] * 3, image.hw)
        if placed is not None:
            if self._fitted is None:
                self._fitted = self._gpu.private((*self._hw, 3), np.dtype(np.uint8))
            resize = Resize(placed.hw, placed.offset, _BLACK)
            self._gpu.run("prepare", resize.launches(frame, self._fitted.pointer, self._hw))
            frame = BgrFrame(self._fitted.pointer, self._hw[1] * 3, self._hw)
        self._gpu.run("nv12", nv12.launches(frame, self._plain))

    def draw(self, listed: DrawingList, yuv: YuvImage) -> None:
        """Draw on the kept image, and copy the result to the CPU.

        Args:
            listed: what is drawn.
            yuv: written whole.
        """
        self._gpu.copy(self._plain, self._drawn)
        operations, masks = self._put(listed.operations()), self._put(listed.masks())
        height, width = self._hw
        chroma = self._drawn.pointer + height * width
        frame = Nv12Frame(self._drawn.pointer, chroma, width, self._hw, _BT_601)
        self._gpu.run("draw", draw.launches(frame, *(_array(each) for each in (operations, masks))))
        found = self._gpu.download(self._drawn)
        pairs = found[height:].reshape(height // 2, width // 2, 2)
        yuv.copy_from(YuvImage(found[:height], pairs[..., 0], pairs[..., 1]))

    def _put(self, array: npt.NDArray[Any]) -> DevicePixels:
        """Copy an array there, for as long as somebody has it."""
        there = self._gpu.private(array.shape or (0,), array.dtype)
        write: Callable[[Any], None] = lambda room: np.copyto(room, array)  # noqa: E731
        self._gpu.upload(write, there)
        return there

    def _blacken(self, room: npt.NDArray[np.uint8]) -> None:
        room[: self._hw[0]], room[self._hw[0] :] = BLACK_LUMA, GREY_CHROMA


def _array(pixels: DevicePixels) -> DeviceArray:
    return DeviceArray(pixels.pointer, pixels.shape, pixels.dtype)
