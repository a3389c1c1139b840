"""Images inside one process: decoder memory, a pool's slot or a plain array, seen alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""(H, W, 3) uint8, BGR, rows from the top: the format `bgr24`."""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the pixels of an image lie in memory, rows from the top.

    Attributes:
        name: as FFmpeg says it.
        channels: values of a pixel, which lie side by side.
        dtype: of each value.
    """

    name: str
    channels: int
    dtype: np.dtype[Any]

    def shape(self, hw: tuple[int, int]) -> tuple[int, ...]:
        """The shape of the array that holds an image of height and width `hw`."""
        return (*hw, self.channels)

    def byte_count(self, hw: tuple[int, int]) -> int:
        """How many bytes an image of height and width `hw` takes."""
        return math.prod(self.shape(hw)) * self.dtype.itemsize


BGR24: Final = PixelFormat("bgr24", 3, np.dtype(np.uint8))


@dataclass(frozen=True, slots=True)
class DevicePixels:
    """An image in the memory of a GPU: its address; the CPU cannot read it.

    Attributes:
        device: the GPU, cuda:0 for the first.
        pointer: address of the first pixel.
        shape: as `PixelFormat.shape` says; rows lie one after the other.
        dtype: of each value.
        is_writable: whether it may be written to.
        owner: what must live as long as the image, where that is not a pool.
    """

    device: str
    pointer: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_writable: bool = True
    owner: object = None

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.shape[0], self.shape[1]

    @property
    def nbytes(self) -> int:
        """How many bytes it takes."""
        return math.prod(self.shape) * self.dtype.itemsize


AnyPixels = Pixels | DevicePixels
"""An image of this process's memory, or of a GPU's."""


class Image(Protocol):
    """An image that may not have been converted to BGR yet."""

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, pixels."""
        ...

    def bgr(self) -> Pixels:
        """Return the whole image; read-only, valid as long as the frame is being processed."""
        ...

    def copy_into(self, out: Pixels) -> None:
        """Write the whole image into `out`, which has its size."""
        ...

    def resize_into(self, out: Pixels) -> None:
        """Write the image, resized to the size of `out`, in one pass from its own memory."""
        ...


@runtime_checkable
class OnDevice(Protocol):
    """An `Image` that lies on a GPU.

    Attributes:
        pixels: where.
    """

    pixels: DevicePixels


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

    def copy_into(self, out: Pixels) -> None:
        """Copy the wrapped pixels."""
        out[...] = self._pixels

    def resize_into(self, out: Pixels) -> None:
        """Resize bilinearly with OpenCV."""
        import cv2

        cv2.resize(
            self._pixels, (out.shape[1], out.shape[0]), dst=out, interpolation=cv2.INTER_LINEAR
        )
