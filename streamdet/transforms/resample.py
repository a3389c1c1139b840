"""The two ways in which a transform resizes."""

from __future__ import annotations

from typing import Literal

from streamdet.errors import FrameError
from streamdet.frame import Geometry
from streamdet.image import Image, Pixels

Resample = Literal["bilinear", "swscale"]
"""bilinear: OpenCV, as the networks were trained; swscale: from the decoder's own memory."""


def resample_into(image: Image, out: Pixels, resample: Resample) -> Geometry:
    """Resize a picture to the height and width of `out`, without a copy in between.

    Args:
        image: the picture.
        out: (h, w, 3) uint8, rows may lie apart (a view into a larger picture).
        resample: "swscale" needs a picture that still lies with its decoder.

    Returns:
        Scale, without offset.

    Raises:
        FrameError: the picture is empty.
    """
    height, width = image.hw
    if min(height, width) < 1:
        raise FrameError("the picture is empty")
    if resample == "swscale":
        image.resize_into(out)
    else:
        import cv2

        hw = out.shape[:2]
        cv2.resize(image.bgr(), (hw[1], hw[0]), dst=out, interpolation=cv2.INTER_LINEAR)
    return Geometry((out.shape[1] / width, out.shape[0] / height))
