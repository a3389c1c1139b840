"""A decoder's frame as an Image: upright, with square pixels, converted in one pass."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from streamdet.errors import FrameError
from streamdet.image import Pixels
from streamdet.sources.pixel_aspect import SQUARE, shown_hw

if TYPE_CHECKING:
    from av.sidedata.sidedata import SideData
    from av.video.frame import VideoFrame

Matrix = tuple[int, int, int, int]
"""Signs (a, b, c, d) of a display matrix: a pixel at (x, y) is shown at (a x + c y, b x + d y)."""

_UPRIGHT = (1, 0, 0, 1)
_UNLISTED = (28, 29, 30, 31)
"""Kinds of FFmpeg 8's side data that PyAV 18.1 does not know: LCEVC, views, displays, EXIF."""

_TURNS = {-90: (0, 1, -1, 0), 90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), -180: (-1, 0, 0, -1)}
"""Display matrices of turns, by degrees counterclockwise."""


class FrameConverter:
    """Converts the frames of one stream: keeps swscale's setup and the rotation."""

    def __init__(self) -> None:
        """Start a stream."""
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()
        self._rotation: int | None = None
        self._matrix: Matrix = _UPRIGHT

    def matrix(self, frame: VideoFrame) -> Matrix:
        """Return the frame's display matrix, looked up again when its rotation changes."""
        # The rotation tells at little cost; the rest of the matrix is looked up when that changes.
        if frame.rotation != self._rotation:
            self._rotation = frame.rotation
            self._matrix = _display_matrix(frame)
        return self._matrix

    def to_bgr(self, frame: VideoFrame, hw: tuple[int, int]) -> Pixels:
        """Convert to BGR of height and width `hw` (before turning), resizing bilinearly.

        Returns:
            (h, w, 3) uint8, read-only, rows may lie apart.

        Raises:
            FrameError: its pixel format cannot be converted.
        """
        import av

        try:
            # One thread: the other cores belong to the other stages.
            converted = self._reformatter.reformat(
                frame, hw[1], hw[0], "bgr24", interpolation="BILINEAR", threads=1
            )
        except (av.FFmpegError, ValueError) as exc:
            raise FrameError("the image's pixel format cannot be converted") from exc
        plane = converted.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        pixels = rows[: hw[0], : hw[1] * 3].reshape(*hw, 3)
        pixels.flags.writeable = False
        return pixels


class DecodedImage:
    """An image in its decoder's memory and pixel format.

    The display matrix (camera held upright or mirrored, EXIF orientation) is applied; a turn that
    is no multiple of 90 degrees is not. The pixel aspect is applied too: the
    image has the size at which it is shown.
    """

    def __init__(
        self, frame: VideoFrame, converter: FrameConverter, pixel_aspect: Fraction = SQUARE
    ) -> None:
        """Wrap a decoded frame of the converter's stream."""
        self._frame = frame
        self._lying_hw = shown_hw((frame.height, frame.width), pixel_aspect)
        self._converter = converter
        self._matrix = converter.matrix(frame)
        self._bgr: Pixels | None = None

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width as shown, pixels."""
        return self._turned(*self._lying_hw)

    def bgr(self) -> Pixels:
        """Return the whole image, converted once; read-only, its rows may lie apart.

        Raises:
            FrameError: its pixel format cannot be converted.
        """
        if self._bgr is None:
            self._bgr = _turn_upright(self.bgr_as_stored(), self._matrix)
        return self._bgr

    def copy_into(self, out: Pixels) -> None:
        """Write the whole image; PyAV cannot convert into memory that is not its own.

        Raises:
            FrameError: its pixel format cannot be converted.
        """
        out[...] = self.bgr()

    def bgr_as_stored(self) -> Pixels:
        """Return the whole image, not turned upright.

        Raises:
            FrameError: its pixel format cannot be converted.
        """
        return self._converter.to_bgr(self._frame, self._lying_hw)

    def resize_into(self, out: Pixels) -> None:
        """Write the image, resized bilinearly by swscale in the pass that converts it.

        Raises:
            FrameError: its pixel format cannot be converted.
        """
        hw = self._turned(out.shape[0], out.shape[1])
        out[...] = _turn_upright(self._converter.to_bgr(self._frame, hw), self._matrix)

    def _turned(self, height: int, width: int) -> tuple[int, int]:
        return (width, height) if self._matrix[0] == 0 else (height, width)


def _display_matrix(frame: VideoFrame) -> Matrix:
    try:
        matrix = _matrix_bytes(frame)
    except ValueError:
        return _TURNS.get(frame.rotation, _UPRIGHT)
    if matrix is None:
        return _UPRIGHT
    a, b, _, c, d = (_sign(value) for value in struct.unpack_from("<5i", matrix))
    is_turned, is_straight = (a, d) == (0, 0) and b and c, (b, c) == (0, 0) and a and d
    return (a, b, c, d) if is_turned or is_straight else _UPRIGHT


def _matrix_bytes(frame: VideoFrame) -> SideData | None:
    """Return the frame's display matrix as FFmpeg keeps it.

    Raises:
        ValueError: the frame has side data of a kind that this PyAV does not know and this FFmpeg
            cannot remove.
    """
    # Not `frame.side_data`: the frame keeps that, in a reference cycle (PyAV 18.1), and lives on
    # until it is collected.
    from av.sidedata.sidedata import SideDataContainer

    listed: Any = SideDataContainer  # its stub lacks the argument
    try:
        return cast("SideData | None", listed(frame).get("DISPLAYMATRIX"))
    except ValueError:
        known = listed(_without_unlisted(frame))
        return cast("SideData | None", known.get("DISPLAYMATRIX"))


def _without_unlisted(frame: VideoFrame) -> VideoFrame:
    """Return the frame without the side data that keeps PyAV 18.1 from listing the rest of it.

    Every photograph with EXIF data has some. The rotation alone does not tell what is mirrored.
    """
    from av.filter import Graph

    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1)
    )
    drops = [graph.add("sidedata", f"mode=delete:type={kind}") for kind in _UNLISTED]
    graph.link_nodes(source, *drops, graph.add("buffersink")).configure()
    graph.push(frame)
    return cast("VideoFrame", graph.pull())


def _sign(fixed: int) -> int:
    return (fixed > 0) - (fixed < 0)


def _turn_upright(pixels: Pixels, matrix: Matrix) -> Pixels:
    a, b, c, d = matrix
    if a == 0:
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return pixels[::d, ::a]
