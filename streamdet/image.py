"""Images inside one process: decoder memory, a pool's slot or a plain array, seen alike."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""(H, W, 3) uint8, BGR, rows from the top."""


class Image(Protocol):
    """An image that may not have been converted to BGR yet."""

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, pixels."""
        ...

    def bgr(self) -> Pixels:
        """Return the whole image; read-only, valid as long as the frame is being processed."""
        ...

    def resize_into(self, out: Pixels) -> None:
        """Write the image, resized to the size of `out`, in one pass from its own memory."""
        ...


class ArrayImage:
    """An image that is BGR already."""

    def __init__(self, pixels: Pixels) -> None:
        """Wrap (H, W, 3) uint8 BGR pixels without copying them."""
        self._pixels = pixels

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self._pixels.shape[0], self._pixels.shape[1]

    def bgr(self) -> Pixels:
        """Return the wrapped pixels."""
        return self._pixels

    def resize_into(self, out: Pixels) -> None:
        """Resize bilinearly with OpenCV."""
        import cv2

        cv2.resize(
            self._pixels, (out.shape[1], out.shape[0]), dst=out, interpolation=cv2.INTER_LINEAR
        )
