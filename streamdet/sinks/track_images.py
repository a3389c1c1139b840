"""The best image of an object: which one that is, and how it is cut out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from streamdet.errors import FrameError

Look = Literal["crop", "frame"]

_BORDER: Final = 1.0
"""A box that comes nearer to the image's border than so many pixels is cut off by it."""
_BGR: Final = (0, 200, 255)


def rank(xyxy: Sequence[float], score: float, hw: tuple[int, int]) -> tuple[bool, float]:
    """Rank an image of an object; the larger the better: whole, then large and sure.

    Args:
        xyxy: its box, pixels.
        score: 0..1.
        hw: height and width of the image.
    """
    x1, y1, x2, y2 = xyxy
    height, width = hw
    is_whole = min(x1, y1) > _BORDER and x2 < width - _BORDER and y2 < height - _BORDER
    return is_whole, score * max(0.0, x2 - x1) * max(0.0, y2 - y1)


def jpeg(
    bgr: npt.NDArray[np.uint8], xyxy: Sequence[float], look: Look, margin: float, quality: int
) -> bytes:
    """Encode an object's image.

    Args:
        bgr: (H, W, 3) the frame.
        xyxy: the object's box, pixels.
        look: "crop": the box and its margin; "frame": all of the frame, with the box drawn.
        margin: of a crop, as a share of the box's sides.
        quality: of the JPEG, 1..100.

    Raises:
        FrameError: the box does not touch the image.
    """
    import cv2

    x1, y1, x2, y2 = xyxy
    if look == "frame":
        pixels: Any = bgr.copy()
        thickness = max(1, round(min(bgr.shape[:2]) / 300))
        corners = (round(x1), round(y1)), (round(x2) - 1, round(y2) - 1)
        cv2.rectangle(pixels, *corners, _BGR, thickness)
    else:
        dx, dy = margin * (x2 - x1), margin * (y2 - y1)
        rows = slice(max(0, round(y1 - dy)), max(0, round(y2 + dy)))
        columns = slice(max(0, round(x1 - dx)), max(0, round(x2 + dx)))
        pixels = bgr[rows, columns]
    if not pixels.size:
        raise FrameError(f"a box of {list(xyxy)} does not touch the image")
    _, coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(coded)
