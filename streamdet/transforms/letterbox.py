"""Letterbox: keep the aspect ratio, pad the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from streamdet.config.options import Options
from streamdet.frame import Geometry
from streamdet.image import DevicePixels, Image, Pixels
from streamdet.kernels.launch import Launch
from streamdet.kernels.prepare import Resize
from streamdet.models.input_size import SizeChoice, area
from streamdet.transforms.resample import FixedHw, Resample, bgr_frame, resample_into

_Value = Annotated[int, Field(ge=0, le=255)]


class LetterboxOptions(Options):
    """Options of `Letterbox`."""

    hw: FixedHw
    sizes: tuple[FixedHw, ...] = Field(
        (),
        description="Heights and widths among which an image's is chosen, in place of `hw`; see"
        " models/input_size.py. `kind: transform` takes them from the model.",
    )
    enough: float = Field(
        1.0, gt=0, le=8, description="Prepared pixels per source pixel that are enough."
    )
    anchor: Literal["top_left", "centre"] = Field(
        "top_left", description="Where the resized image lies; the rest is padding."
    )
    pad: _Value | tuple[_Value, _Value, _Value] = Field(
        114, description="Value of the padding: one of all channels, or blue, green, red."
    )
    resample: Resample = "bilinear"


class Letterbox:
    """Resizes by one ratio to fit, and pads; images smaller than `hw` are enlarged."""

    Options = LetterboxOptions
    pixel_format = "bgr24"

    def __init__(self, options: LetterboxOptions) -> None:
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
        """Write the padded image into `out`, (*output_hw, 3) uint8, and say how boxes map back.

        Raises:
            FrameError: the image is empty.
        """
        (top, left), (height, width) = self._place(image.hw, (out.shape[0], out.shape[1]))
        bottom, right = top + height, left + width
        geometry = resample_into(image, out[top:bottom, left:right], self._options.resample)
        for margin in (out[:top], out[bottom:], out[top:bottom, :left], out[top:bottom, right:]):
            margin[...] = self._options.pad
        return replace(geometry, offset_xy=(float(left), float(top)))

    def launches(self, image: DevicePixels, out: DevicePixels) -> tuple[Geometry, list[Launch]]:
        """Say how a GPU does the same: see transforms.KernelTransform."""
        (top, left), (height, width) = self._place(image.hw, out.hw)
        pad = self._options.pad
        padding = (pad, pad, pad) if isinstance(pad, int) else pad
        resize = Resize((height, width), (top, left), padding)
        scale_xy = (width / image.hw[1], height / image.hw[0])
        geometry = Geometry(scale_xy, (float(left), float(top)))
        return geometry, resize.launches(bgr_frame(image), out.pointer, out.hw)

    def _place(
        self, hw: tuple[int, int], into_hw: tuple[int, int]
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """Top and left, height and width of the resized image in the prepared one."""
        height, width = fitted_hw(hw, into_hw)
        if self._options.anchor == "top_left":
            return (0, 0), (height, width)
        return ((into_hw[0] - height) // 2, (into_hw[1] - width) // 2), (height, width)


def fitted_hw(hw: tuple[int, int], into_hw: tuple[int, int]) -> tuple[int, int]:
    """Largest height and width of the same aspect ratio that fit, rounded down as YOLOX does.

    A side is never below 1 pixel, as `yolox.data.data_augment.preproc` would let it be.
    """
    ratio = min(into_hw[0] / max(hw[0], 1), into_hw[1] / max(hw[1], 1))
    return max(int(hw[0] * ratio), 1), max(int(hw[1] * ratio), 1)
