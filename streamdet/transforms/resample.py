"""The two ways in which a transform resizes, and the options that transforms share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from streamdet.errors import FrameError
from streamdet.frame import Geometry
from streamdet.image import DevicePixels, Image, Pixels
from streamdet.kernels.launch import Launch
from streamdet.kernels.prepare import BgrFrame, Resize

Resample = Annotated[
    Literal["bilinear", "swscale"],
    Field(description="bilinear (OpenCV) or swscale (at decode)."),
]
"""bilinear: OpenCV, as the networks were trained; swscale: from the decoder's own memory."""
Side = Annotated[int, Field(gt=0, le=8192)]
"""Of a prepared image, pixels."""
FixedHw = Annotated[
    tuple[Side, Side], Field(description="Height and width of the prepared image, pixels.")
]
"""Of a transform whose images are all of one size."""


def resample_into(image: Image, out: Pixels, resample: Resample) -> Geometry:
    """Resize an image to the height and width of `out`, without a copy in between.

    Args:
        image: the image.
        out: (h, w, 3) uint8, rows may lie apart (a view into a larger image).
        resample: "swscale" needs an image that still lies with its decoder.

    Returns:
        Scale, without offset.

    Raises:
        FrameError: the image is empty.
    """
    height, width = image.hw
    if min(height, width) < 1:
        raise FrameError("the image is empty")
    if resample == "swscale":
        image.resize_into(out)
    else:
        import cv2

        hw = out.shape[:2]
        cv2.resize(image.bgr(), (hw[1], hw[0]), dst=out, interpolation=cv2.INTER_LINEAR)
    return Geometry((out.shape[1] / width, out.shape[0] / height))


def resize_launches(image: DevicePixels, out: DevicePixels) -> tuple[Geometry, list[Launch]]:
    """Say how a GPU resizes an image to all of `out`; the twin of `resample_into`, bilinear."""
    (height, width), (out_height, out_width) = image.hw, out.hw
    geometry = Geometry((out_width / width, out_height / height))
    return geometry, Resize(out.hw).launches(bgr_frame(image), out.pointer, out.hw)


def bgr_frame(image: DevicePixels) -> BgrFrame:
    """An image as the kernels are told of it."""
    return BgrFrame(image.pointer, image.hw[1] * 3, image.hw)
