"""Draws zones and lines into an image, in place: areas below the objects, counts above them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.events import Marking
from streamdet.frame import Geometry
from streamdet.sinks.pen import DARK, WHITE, Color, Pen
from streamdet.sinks.plate import Plate
from streamdet.sinks.yuv_image import Surface

OPACITY: Final = 0.14
ACTIVE_OPACITY: Final = 0.24
"""How much of a zone's pixel is its colour, while nothing and while something is in it."""

COLORS: Final[tuple[Color, ...]] = ((214, 255, 98), (102, 214, 255), (255, 170, 196))
"""Mint, amber, lilac: lighter than the colours of objects, so that both are told apart."""

_MAX_COORDINATE: Final = 32_767

XY = npt.NDArray[np.int32]


def draw_areas(image: Surface, markings: Sequence[Marking]) -> None:
    """Draw the zones' areas and the lines; objects come on top of them.

    Args:
        image: changed in place.
        markings: in the image's pixels.
    """
    pen = Pen.for_image(image.hw)
    for number, marking in enumerate(markings):
        color, xy = _color(number), _points(marking)
        if marking.shape == "zone":
            _tint(image, xy, color, ACTIVE_OPACITY if marking.is_active else OPACITY)
            path = np.vstack([xy, xy[:1]])
        else:
            path = xy
        image.line(path, DARK, pen.line + 2)
        image.line(path, WHITE if _flashes(marking) else color, pen.line)
        if marking.shape == "line":
            _draw_arrow(image, xy, color, pen)


def draw_counts(image: Surface, markings: Sequence[Marking]) -> None:
    """Write what is counted beside each zone and line, above the objects."""
    pen = Pen.for_image(image.hw)
    for number, marking in enumerate(markings):
        plate = Plate.of(marking.text, pen)
        plate.draw(image, _plate_place(image, marking, plate, pen), _color(number), pen)


def moved(markings: Sequence[Marking], fit: Geometry) -> tuple[Marking, ...]:
    """Map markings into another image's pixels."""
    return tuple(
        replace(each, xy=tuple(map(tuple, fit.to_prepared(np.array(each.xy, np.float32)).tolist())))
        for each in markings
    )


def _color(number: int) -> Color:
    return COLORS[number % len(COLORS)]


def _flashes(marking: Marking) -> bool:
    return marking.shape == "line" and marking.is_active


def _points(marking: Marking) -> XY:
    xy = np.array(marking.xy, np.float64).round()
    return xy.clip(-_MAX_COORDINATE, _MAX_COORDINATE).astype(np.int32)


def _tint(image: Surface, xy: XY, color: Color, opacity: float) -> None:
    import cv2

    height, width = image.hw
    left, top = np.clip(xy.min(axis=0), 0, (width, height)).tolist()
    right, bottom = np.clip(xy.max(axis=0) + 1, 0, (width, height)).tolist()
    if right <= left or bottom <= top:
        return
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(mask, [xy - np.array([left, top], np.int32)], 1)
    image.tint((left, top), mask.astype(np.bool_), color, opacity)


def _draw_arrow(image: Surface, xy: XY, color: Color, pen: Pen) -> None:
    """Draw a small arrow at the middle of a line that points to its right hand: in."""
    along = (xy[1] - xy[0]).astype(np.float64)
    along /= max(1.0, float(np.hypot(*along)))
    right = np.array([-along[1], along[0]])
    length = 8.0 * pen.line
    middle = xy.mean(axis=0)
    tip, wing = middle + right * length, length / 2.5
    head = np.array([tip - (right - along) * wing, tip, tip - (right + along) * wing])
    for ink, thickness in ((DARK, pen.line + 2), (color, pen.line)):
        image.line(np.array([middle, tip]).round().astype(np.int32), ink, thickness)
        image.line(head.round().astype(np.int32), ink, thickness)


def _plate_place(image: Surface, marking: Marking, plate: Plate, pen: Pen) -> tuple[int, int]:
    """Choose the left and top of a plate: at a zone's highest corner, at a line's left end."""
    xy = _points(marking)
    if marking.shape == "zone":
        x, y = min(xy.tolist(), key=lambda point: (point[1], point[0]))
    else:
        x, y = min(xy.tolist())
        y -= plate.hw[0] + pen.line
    height, width = image.hw
    left = min(max(0, x), max(0, width - plate.hw[1]))
    top = min(max(0, y), max(0, height - plate.hw[0]))
    return left - left % 2, top - top % 2
