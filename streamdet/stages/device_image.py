"""An image in the memory of a GPU, seen as every other image."""

from __future__ import annotations

import numpy as np

from streamdet.image import ArrayImage, DevicePixels, Image, Pixels
from streamdet.transport.cuda_device import CudaDevice


class DeviceImage:
    """An image on a GPU; only a reader on the CPU has it copied, once.

    Args:
        pixels: where it lies, in the format `bgr24`.
        device: the GPU, opened.
    """

    def __init__(self, pixels: DevicePixels, device: CudaDevice) -> None:
        self.pixels = pixels
        self._device = device
        self._copy: ArrayImage | None = None

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.pixels.hw

    def bgr(self) -> Pixels:
        """Copy the image to the CPU, unless it has been."""
        return self._on_cpu().bgr()

    def copy_into(self, out: Pixels) -> None:
        """Copy the image to the CPU and into `out`."""
        self._on_cpu().copy_into(out)

    def resize_into(self, out: Pixels) -> None:
        """Copy the image to the CPU and resize it there."""
        self._on_cpu().resize_into(out)

    def _on_cpu(self) -> ArrayImage:
        if self._copy is None:
            self._copy = ArrayImage(self._device.download(self.pixels))
        return self._copy


def on_device(image: Image, device: CudaDevice) -> DevicePixels:
    """Find an image on a GPU; one that lies on the CPU is copied there."""
    if isinstance(image, DeviceImage):
        return image.pixels
    pixels = device.private((*image.hw, 3), np.dtype(np.uint8))
    device.upload(image.copy_into, pixels)
    return pixels
