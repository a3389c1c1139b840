"""A decoder's frame as an Image: upright, converted in one pass from the decoder's own memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from streamdet.errors import FrameError
from streamdet.image import Pixels

if TYPE_CHECKING:
    from av.sidedata.sidedata import SideData
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter

_UPRIGHT = (1, 0, 0, 1)
_TURNS = {-90: (0, 1, -1, 0), 90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), -180: (-1, 0, 0, -1)}
"""Display matrices of turns, by degrees counterclockwise."""


class DecodedImage:
    """A picture that still lies with its decoder, in the decoder's pixel format.

    The display matrix (camera held upright or mirrored, EXIF orientation) is applied; a turn that
    is no multiple of 90 degrees is not.
    """

    def __init__(self, frame: VideoFrame, reformatter: VideoReformatter) -> None:
        """Wrap a decoded frame; one reformatter serves all frames of a stream in turn."""
        self._frame = frame
        self._reformatter = reformatter
        self._matrix = _display_matrix(frame)
        self._bgr: Pixels | None = None

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width as shown, pixels."""
        height, width = self._frame.height, self._frame.width
        return (width, height) if self._is_turned else (height, width)

    def bgr(self) -> Pixels:
        """Return the whole picture, converted once; read-only, its rows may lie apart.

        Raises:
            FrameError: its pixel format cannot be converted.
        """
        if self._bgr is None:
            self._bgr = self._convert(self._frame.height, self._frame.width)
        return self._bgr

    def resize_into(self, out: Pixels) -> None:
        """Write the picture, resized bilinearly by swscale in the pass that converts it.

        Raises:
            FrameError: its pixel format cannot be converted.
        """
        height, width = out.shape[:2]
        if self._is_turned:
            height, width = width, height
        out[...] = self._convert(height, width)

    def _convert(self, height: int, width: int) -> Pixels:
        import av

        try:
            # One thread: the other cores belong to the other stages.
            converted = self._reformatter.reformat(
                self._frame, width, height, "bgr24", interpolation="BILINEAR", threads=1
            )
        except (av.FFmpegError, ValueError) as exc:
            raise FrameError("the picture's pixel format cannot be converted") from exc
        plane = converted.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        pixels = rows[:height, : width * 3].reshape(height, width, 3)
        pixels.flags.writeable = False
        return _turn_upright(pixels, self._matrix)

    @property
    def _is_turned(self) -> bool:
        return self._matrix[0] == 0


def _display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Return signs (a, b, c, d): a pixel at (x, y) is shown at (a x + c y, b x + d y)."""
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:
        # PyAV 18.1 cannot list side data of a kind it does not know; the turn it reads otherwise.
        return _TURNS.get(frame.rotation, _UPRIGHT)
    if matrix is None:
        return _UPRIGHT
    a, b, _, c, d = (_sign(value) for value in struct.unpack_from("<5i", cast("SideData", matrix)))
    is_turned, is_straight = (a, d) == (0, 0) and b and c, (b, c) == (0, 0) and a and d
    return (a, b, c, d) if is_turned or is_straight else _UPRIGHT


def _sign(fixed: int) -> int:
    return (fixed > 0) - (fixed < 0)


def _turn_upright(pixels: Pixels, matrix: tuple[int, int, int, int]) -> npt.NDArray[np.uint8]:
    a, b, c, d = matrix
    if a == 0:
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return pixels[::d, ::a]
