"""Stretch: resize to a fixed height and width, whatever the aspect ratio."""

from __future__ import annotations

from pydantic import Field

from streamdet.config.options import Options
from streamdet.frame import Geometry
from streamdet.image import DevicePixels, Image, Pixels
from streamdet.kernels.launch import Launch
from streamdet.models.input_size import SizeChoice, area
from streamdet.transforms.resample import FixedHw, Resample, resample_into, resize_launches


class StretchOptions(Options):
    """Options of `Stretch`."""

    hw: FixedHw
    sizes: tuple[FixedHw, ...] = Field((), description="As letterbox has them.")
    enough: float = Field(1.0, gt=0, le=8, description="As letterbox has it.")
    resample: Resample = "bilinear"


class Stretch:
    """Resizes each axis by its own ratio."""

    Options = StretchOptions
    pixel_format = "bgr24"

    def __init__(self, options: StretchOptions) -> None:
        """Take the checked options."""
        self._options = options
        self._choice = SizeChoice(options.sizes or (options.hw,), options.enough)

    @property
    def max_output_hw(self) -> tuple[int, int]:
        """The largest of the option `sizes`, or `hw`."""
        return max(self._choice.hws, key=area)

    def output_hw(self, hw: tuple[int, int]) -> tuple[int, int]:
        """The option `hw`, whatever comes; with `sizes`, what `SizeChoice` says."""
        return self._choice.hw_for(hw) if self._options.sizes else self._options.hw

    def __call__(self, image: Image, out: Pixels) -> Geometry:
        """Resize the image into `out`, (*output_hw, 3) uint8, and say how boxes map back.

        Raises:
            FrameError: the image is empty.
        """
        return resample_into(image, out, self._options.resample)

    def launches(self, image: DevicePixels, out: DevicePixels) -> tuple[Geometry, list[Launch]]:
        """Say how a GPU does the same: see transforms.KernelTransform."""
        return resize_launches(image, out)
