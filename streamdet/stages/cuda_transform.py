"""A transform whose work a GPU does."""

from __future__ import annotations

from typing import Any, Final, Protocol

from streamdet.errors import FrameError
from streamdet.frame import Geometry
from streamdet.image import DevicePixels, Image
from streamdet.stages.device_image import on_device
from streamdet.transforms import KernelTransform
from streamdet.transport.cuda_device import CudaDevice

KERNELS: Final = "prepare"
"""The file of engines/kernels that transforms launch."""


class StageTransform(Protocol):
    """A transform for a stage: transforms.Transform, or one that writes into a GPU."""

    @property
    def pixel_format(self) -> str:
        """Of what it writes."""
        ...

    def output_hw(self, hw: tuple[int, int]) -> tuple[int, int]:
        """Height and width of what comes out of an image of `hw`."""
        ...

    def __call__(self, image: Image, out: Any) -> Geometry:
        """Write the prepared image into `out`, Pixels or DevicePixels."""
        ...


class CudaTransform:
    """Has a transform's kernels run; for `TransformStage`.

    Args:
        transform: says what is launched.
        device: where.
    """

    def __init__(self, transform: KernelTransform, device: CudaDevice) -> None:
        self._transform = transform
        self._device = device
        self.pixel_format = transform.pixel_format
        self.output_hw = transform.output_hw

    def __call__(self, image: Image, out: DevicePixels) -> Geometry:
        """Have the prepared image written into `out`: see transforms.Transform.

        Raises:
            FrameError: the image is empty.
        """
        if min(image.hw) < 1:
            raise FrameError("the image is empty")
        geometry, launches = self._transform.launches(on_device(image, self._device), out)
        self._device.run(KERNELS, launches)
        return geometry
