"""An image as video encoders want it, 4:2:0 YUV, and the shapes that can be drawn on it.

Drawing here instead of on BGR saves a copy of every frame: a slot is converted for the encoder in
any case, and what is converted may be drawn on. Luma (y) has full size, chroma (u, v) one value for
each 2x2 pixels. Colours are given as BGR; they are those of ITU-R BT.601, limited range, as cv2
converts them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from streamdet.sinks.pen import Color, Pen

Plane = npt.NDArray[np.uint8]
Edges = Sequence[int]
"""x1, y1, x2, y2 of a rectangle, pixels; x2 and y2 lie just outside."""

Inks = Callable[[Color], tuple[int, int, int]]
"""Gives a colour's values in the planes y, u, v."""

BLACK_LUMA, GREY_CHROMA = 16, 128
_QUARTERS = 2


class Surface(Protocol):
    """What can be drawn on: an image in this process' memory, or a list for a GPU."""

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, pixels."""
        ...

    def fill(self, edges: Edges, color: Color) -> None:
        """Fill a rectangle whose edges are even."""
        ...

    def fill_luma(self, edges: Edges, color: Color) -> None:
        """Fill a rectangle with a colour's brightness only; its edges may be odd."""
        ...

    def line(self, path: npt.NDArray[np.int32], color: Color, thickness: int) -> None:
        """Draw a smooth line through (T, 2) points."""
        ...

    def disc(self, xy: tuple[int, int], radius: int, color: Color) -> None:
        """Draw a filled circle; of radius 0 it is a pixel."""
        ...

    def tint(
        self, place: tuple[int, int], mask: npt.NDArray[np.bool_], color: Color, opacity: float
    ) -> None:
        """Mix a colour into the pixels of a mask (h, w), whose left and top is `place`."""
        ...

    def write(self, text: str, origin: tuple[int, int], color: Color, pen: Pen) -> None:
        """Write a line of text; `origin` is the left end of its base line."""
        ...

    def darken(self, top: int) -> None:
        """Take two thirds of the light from the rows from an even one on."""
        ...


class YuvImage:
    """Three planes; all shapes are cut at the image's edges. A `Surface`.

    Attributes:
        y: (H, W) uint8, H and W even.
        u: (H / 2, W / 2) uint8.
        v: (H / 2, W / 2) uint8.
    """

    def __init__(self, y: Plane, u: Plane, v: Plane, *, inks: Inks | None = None) -> None:
        """Draw on these planes, without copying them.

        Args:
            y: see above.
            u: see above.
            v: see above.
            inks: by default `yuv_of`.
        """
        self.y, self.u, self.v = y, u, v
        self._inks = inks or yuv_of

    @classmethod
    def of_i420(cls, i420: Plane) -> Self:
        """View (H * 3 / 2, W) uint8: the rows of y, then those of u, then those of v."""
        height, width = i420.shape[0] * 2 // 3, i420.shape[1]
        chroma = i420[height:].reshape(2, height // 2, width // 2)
        return cls(i420[:height], chroma[0], chroma[1])

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.y.shape[0], self.y.shape[1]

    def copy_from(self, other: YuvImage) -> None:
        """Become equal to an image of the same size."""
        for mine, theirs in zip(self._planes(), other._planes(), strict=True):
            np.copyto(mine, theirs)

    def fill(self, edges: Edges, color: Color) -> None:
        """Fill a rectangle whose edges are even."""
        import cv2

        chroma = self._inks(color)[1:]
        self.fill_luma(edges, color)
        x1, y1, x2, y2 = (edge // 2 for edge in edges)
        for plane, value in zip((self.u, self.v), chroma, strict=True):
            cv2.rectangle(plane, (x1, y1), (x2 - 1, y2 - 1), value, cv2.FILLED)

    def fill_luma(self, edges: Edges, color: Color) -> None:
        """Fill a rectangle with a colour's brightness only; its edges may be odd."""
        import cv2

        x1, y1, x2, y2 = edges
        cv2.rectangle(self.y, (x1, y1), (x2 - 1, y2 - 1), self._inks(color)[0], cv2.FILLED)

    def line(self, path: npt.NDArray[np.int32], color: Color, thickness: int) -> None:
        """Draw a smooth line through (T, 2) points; it is coloured over 2 pixels at least."""
        import cv2

        chroma_path = _in_chroma(path)
        luma, *chroma = self._inks(color)
        cv2.polylines(self.y, [path], False, luma, thickness, cv2.LINE_AA)
        half = max(1, thickness // 2)
        for plane, value in zip((self.u, self.v), chroma, strict=True):
            cv2.polylines(plane, [chroma_path], False, value, half, cv2.LINE_AA, _QUARTERS)

    def disc(self, xy: tuple[int, int], radius: int, color: Color) -> None:
        """Draw a filled circle; of radius 0 it is a pixel."""
        import cv2

        luma, *chroma = self._inks(color)
        smooth = cv2.LINE_AA if radius else cv2.LINE_8  # LINE_AA draws nothing at radius 0
        cv2.circle(self.y, xy, radius, luma, cv2.FILLED, smooth)
        middle = xy[0] // 2, xy[1] // 2
        for plane, value in zip((self.u, self.v), chroma, strict=True):
            cv2.circle(plane, middle, radius // 2, value, cv2.FILLED, cv2.LINE_8)

    def tint(
        self, place: tuple[int, int], mask: npt.NDArray[np.bool_], color: Color, opacity: float
    ) -> None:
        """Mix a colour into the pixels of a mask (h, w) that lies inside the image.

        Args:
            place: its left and top.
            mask: which pixels; a chroma value follows the upper left one of its four.
            color: what is mixed in.
            opacity: its share, 0..1.
        """
        left, top = place
        odd_x, odd_y = left % 2, top % 2
        sparse = mask[odd_y::2, odd_x::2]
        chroma_place = (left + odd_x) // 2, (top + odd_y) // 2
        parts = (mask, place), (sparse, chroma_place), (sparse, chroma_place)
        inks = self._inks(color)
        for plane, value, (part, (x, y)) in zip(self._planes(), inks, parts, strict=True):
            under = plane[y : y + part.shape[0], x : x + part.shape[1]]
            mixed = (np.arange(256) * (1 - opacity) + value * opacity).round().astype(np.uint8)
            np.copyto(under, mixed[under], where=part)

    def write(self, text: str, origin: tuple[int, int], color: Color, pen: Pen) -> None:
        """Write a line of text.

        Args:
            text: the line.
            origin: left end of its base line.
            color: of its letters.
            pen: their sizes.
        """
        import cv2

        font, half = cv2.FONT_HERSHEY_SIMPLEX, (origin[0] // 2, origin[1] // 2)
        luma, *chroma = self._inks(color)
        cv2.putText(self.y, text, origin, font, pen.font_scale, luma, pen.stroke, cv2.LINE_AA)
        scale, stroke = pen.font_scale / 2, max(1, pen.stroke // 2)
        for plane, value in zip((self.u, self.v), chroma, strict=True):
            cv2.putText(plane, text, half, font, scale, value, stroke, cv2.LINE_AA)

    def darken(self, top: int) -> None:
        """Take two thirds of the light from the rows from an even one on."""
        for plane, dark in zip(self._planes(), (BLACK_LUMA, GREY_CHROMA, GREY_CHROMA), strict=True):
            rows = plane[top if plane is self.y else top // 2 :]
            rows[:] = (rows.astype(np.uint16) + (2 * dark + 1)) // 3

    def _planes(self) -> tuple[Plane, Plane, Plane]:
        return self.y, self.u, self.v


@lru_cache(maxsize=256)
def yuv_of(color: Color) -> tuple[int, int, int]:
    """Convert a colour; see the module."""
    import cv2

    patch = np.full((2, 2, 3), color, np.uint8)
    y, u, v = cv2.cvtColor(patch, cv2.COLOR_BGR2YUV_I420).ravel()[[0, 4, 5]].tolist()
    return y, u, v


def _in_chroma(path: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Map pixels to quarters of a chroma value: 0 and 1 lie a quarter beside the first's middle."""
    return 2 * path - 1
