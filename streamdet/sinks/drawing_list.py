"""What is drawn on a frame that lies in GPU memory: a list, for engines/kernels/draw.cu.

Whatever has soft edges (letters, lines, discs) is rasterised here, by OpenCV as for a `YuvImage`,
as a mask of coverage: only what is drawn goes to the GPU, and the frame stays there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.kernels.draw import OPERATION, Kind
from streamdet.sinks.pen import Color, Pen
from streamdet.sinks.yuv_image import BLACK_LUMA, GREY_CHROMA, Edges, Plane, YuvImage, yuv_of

_BLACK = (BLACK_LUMA, GREY_CHROMA, GREY_CHROMA)
_TWO_THIRDS = 170  # of 255


class DrawingList:
    """Operations in the order in which they were asked for. A `Surface`.

    Attributes:
        hw: height and width of the frame, pixels, even.
    """

    def __init__(self, hw: tuple[int, int]) -> None:
        """Begin without any."""
        self.hw = hw
        self._operations: list[tuple[int, ...]] = []
        self._masks: list[npt.NDArray[np.uint8]] = []
        self._mask_bytes = 0

    def operations(self) -> npt.NDArray[Any]:
        """All operations, (N,) of kernels.draw.OPERATION."""
        return np.array(self._operations, OPERATION)

    def masks(self) -> npt.NDArray[np.uint8]:
        """Their coverages, (M,)."""
        return np.concatenate([np.empty(0, np.uint8), *self._masks])

    def fill(self, edges: Edges, color: Color) -> None:
        """Fill a rectangle whose edges are even."""
        self._add(edges, Kind.FILL, yuv_of(color))

    def fill_luma(self, edges: Edges, color: Color) -> None:
        """Fill a rectangle with a colour's brightness only; its edges may be odd."""
        self._add(edges, Kind.FILL_LUMA, yuv_of(color))

    def line(self, path: npt.NDArray[np.int32], color: Color, thickness: int) -> None:
        """Draw a smooth line through (T, 2) points; it is coloured over 2 pixels at least."""
        if not len(path):
            return
        reach = thickness + 3
        low, high = path.min(axis=0) - reach, path.max(axis=0) + reach
        self._rasterise(
            (*low.tolist(), *high.tolist()),
            color,
            lambda image, left, top: image.line(
                path - np.array([left, top], np.int32), color, thickness
            ),
        )

    def disc(self, xy: tuple[int, int], radius: int, color: Color) -> None:
        """Draw a filled circle; of radius 0 it is a pixel."""
        (x, y), reach = xy, radius + 3
        self._rasterise(
            (x - reach, y - reach, x + reach, y + reach),
            color,
            lambda image, left, top: image.disc((x - left, y - top), radius, color),
        )

    def tint(
        self, place: tuple[int, int], mask: npt.NDArray[np.bool_], color: Color, opacity: float
    ) -> None:
        """Mix a colour into the pixels of a mask (h, w) that lies inside the image.

        Args:
            place: its left and top.
            mask: which pixels.
            color: what is mixed in.
            opacity: its share, 0..1.
        """
        x, y = place
        share = round(255 * opacity)
        self._rasterise(
            (x, y, x + mask.shape[1], y + mask.shape[0]),
            color,
            lambda image, left, top: image.tint((x - left, y - top), mask, color, 1.0),
            share,
        )

    def write(self, text: str, origin: tuple[int, int], color: Color, pen: Pen) -> None:
        """Write a line of text.

        Args:
            text: the line.
            origin: left end of its base line.
            color: of its letters.
            pen: their sizes.
        """
        import cv2

        (width, height), base = cv2.getTextSize(
            text, cv2.FONT_HERSHEY_SIMPLEX, pen.font_scale, pen.stroke
        )
        (x, y), reach = origin, 2 * pen.stroke + 4
        self._rasterise(
            (x - reach, y - height - reach, x + width + reach, y + base + reach),
            color,
            lambda image, left, top: image.write(text, (x - left, y - top), color, pen),
        )

    def darken(self, top: int) -> None:
        """Take two thirds of the light from the rows from an even one on."""
        height, width = self.hw
        count = (height - top) * width * 3 // 2
        mask = np.full(count, _TWO_THIRDS, np.uint8)
        self._add((0, top, width, height), Kind.MASK, _BLACK, mask)

    def _rasterise(
        self,
        edges: Edges,
        color: Color,
        draw: Callable[[YuvImage, int, int], None],
        share: int = 255,
    ) -> None:
        """Draw what lies between edges, where they are in the frame, as a mask.

        Args:
            edges: pixels; made even, outwards.
            color: of the operation.
            draw: draws on an image whose left and top are its other arguments.
            share: coverage of what is drawn, 0..255.
        """
        height, width = self.hw
        left, top = (max(edge - edge % 2, 0) for edge in edges[:2])
        right = min(edges[2] + edges[2] % 2, width)
        bottom = min(edges[3] + edges[3] % 2, height)
        if left >= right or top >= bottom:
            return
        hw = bottom - top, right - left
        luma, u, v = (_zeros(hw), *(_zeros((hw[0] // 2, hw[1] // 2)) for _ in range(2)))
        draw(YuvImage(luma, u, v, inks=lambda _: (share, share, share)), left, top)
        mask = np.concatenate([luma.ravel(), u.ravel()])
        if mask.any():
            self._add((left, top, right, bottom), Kind.MASK, yuv_of(color), mask)

    def _add(
        self,
        edges: Edges,
        kind: Kind,
        inks: tuple[int, int, int],
        mask: npt.NDArray[np.uint8] | None = None,
    ) -> None:
        ink = inks[0] | inks[1] << 8 | inks[2] << 16
        self._operations.append((*edges, kind, ink, self._mask_bytes, 0))
        if mask is not None:
            self._masks.append(mask)
            self._mask_bytes += len(mask)


def _zeros(hw: tuple[int, int]) -> Plane:
    return np.zeros(hw, np.uint8)
