"""How a frame becomes the image that a detector wants. One kind is one file."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from streamdet.frame import Geometry
from streamdet.image import DevicePixels, Image, Pixels
from streamdet.kernels.launch import Launch


class Transform(Protocol):
    """Resizes one image. Constructed as `Transform(options)`; pure."""

    @property
    def pixel_format(self) -> str:
        """Of what it writes, a name of registry.KINDS["pixel_format"]; of the class, too."""
        ...

    @property
    def max_output_hw(self) -> tuple[int, int]:
        """The largest height x width (by area) that `output_hw` returns: a slot's size."""
        ...

    def output_hw(self, hw: tuple[int, int]) -> tuple[int, int]:
        """Height and width of what comes out of an image of `hw`."""
        ...

    def __call__(self, image: Image, out: Pixels) -> Geometry:
        """Write the prepared image into `out`, of `output_hw`, and say how boxes map back.

        Raises:
            FrameError: the image cannot be prepared (for example, it is empty).
        """
        ...


@runtime_checkable
class KernelTransform(Transform, Protocol):
    """A transform that a GPU can do, too, bit for bit the same."""

    def launches(self, image: DevicePixels, out: DevicePixels) -> tuple[Geometry, list[Launch]]:
        """Say how the prepared image is written into `out`, with kernels of prepare.cu.

        Args:
            image: (H, W, 3) uint8 BGR, not empty.
            out: of `output_hw`.

        Returns:
            How boxes map back, and what to launch.
        """
        ...
