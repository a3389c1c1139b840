"""Letterbox: keep the aspect ratio, pad the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from streamdet.config.options import Options
from streamdet.frame import Geometry
from streamdet.image import Image, Pixels
from streamdet.models.input_size import SizeChoice, area
from streamdet.transforms.resample import FixedHw, Resample, resample_into

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
        height, width = fitted_hw(image.hw, (out.shape[0], out.shape[1]))
        top, left = 0, 0
        if self._options.anchor == "centre":
            top, left = (out.shape[0] - height) // 2, (out.shape[1] - width) // 2
        bottom, right = top + height, left + width
        geometry = resample_into(image, out[top:bottom, left:right], self._options.resample)
        for margin in (out[:top], out[bottom:], out[top:bottom, :left], out[top:bottom, right:]):
            margin[...] = self._options.pad
        return replace(geometry, offset_xy=(float(left), float(top)))


def fitted_hw(hw: tuple[int, int], into_hw: tuple[int, int]) -> tuple[int, int]:
    """Largest height and width of the same aspect ratio that fit, rounded down as YOLOX does.

    A side is never below 1 pixel, as `yolox.data.data_augment.preproc` would let it be.
    """
    ratio = min(into_hw[0] / max(hw[0], 1), into_hw[1] / max(hw[1], 1))
    return max(int(hw[0] * ratio), 1), max(int(hw[1] * ratio), 1)
