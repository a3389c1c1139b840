"""Draws masks and keypoints into an image, in place, in the colours of their objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections, FrameMasks
from streamdet.frame import Geometry
from streamdet.ops.run_length import decode, decode_region, encode
from streamdet.sinks.pen import DARK, WHITE, Color, Pen
from streamdet.sinks.yuv_image import Surface

OPACITY: Final = 0.45
"""How much of a mask's pixel is its colour."""

LEAST_POINT_SCORE: Final = 0.0
"""Keypoints above it are drawn: a logit of 0 says "as likely as not"."""

SKELETON: Final = (
    *((15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8)),
    *((7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
)
"""Which of COCO's 17 keypoints of a person are joined (person_keypoints annotations, counted from
0): nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles, left before right."""

_SKELETON_POINTS: Final = 17
_MAX_COORDINATE: Final = 32_767
_LINES_PER_OBJECT: Final = 60
"""An object's longer side is at least so many times as long as its lines are thick."""
_RIMLESS_SIDE, _DOTLESS_SIDE = 100.0, 40.0
"""Pixels of an object's longer side below which limbs have no rim, and dots are of one pixel."""


def draw_masks(
    image: Surface, detections: Detections, colors: Sequence[Color], order: Iterable[int]
) -> None:
    """Tint the pixels of each object; nothing where there are no masks.

    Args:
        image: changed in place.
        detections: with masks of this image, or of one that lacks its last row or column.
        colors: of the objects.
        order: their rows; the last lies on top.
    """
    masks = detections.masks
    if masks is None:
        return
    for row in order:
        if not masks.counts[row]:
            continue
        columns, place = decode_region(masks.counts[row], masks.hw)
        image.tint(place, columns.T, colors[row], OPACITY)


def draw_keypoints(
    image: Surface, detections: Detections, colors: Sequence[Color], order: Iterable[int]
) -> None:
    """Draw the points as dots; those of people (17) are joined by COCO's skeleton.

    Args:
        image: changed in place.
        detections: in the image's pixels; nothing is drawn where they have no keypoints.
        colors: of the objects.
        order: their rows; the last lies on top.
    """
    if detections.keypoints is None:
        return
    pen = Pen.for_image(image.hw)
    pairs = SKELETON if detections.keypoints.shape[1] == _SKELETON_POINTS else ()
    for row in order:
        brush = _Brush.of(detections.xyxy[row], pen)
        is_seen = detections.keypoints[row, :, 2] > LEAST_POINT_SCORE
        limbs = [(first, second) for first, second in pairs if is_seen[first] and is_seen[second]]
        xy = detections.keypoints[row, :, :2].clip(-_MAX_COORDINATE, _MAX_COORDINATE)
        _draw_limbs(image, xy, limbs, colors[row], brush)
        _draw_dots(image, xy[is_seen], colors[row], brush)


def fit_masks(masks: FrameMasks, geometry: Geometry, hw: tuple[int, int]) -> FrameMasks:
    """Map masks into another image: each pixel takes the nearest pixel of the frame.

    Args:
        masks: of the frame.
        geometry: how the frame's pixels map to the image's.
        hw: height and width of the image.
    """
    height, width = hw
    middles = np.arange(max(hw), dtype=np.float32) + 0.5
    xy = np.floor(geometry.to_source(np.stack([middles, middles], axis=1))).astype(np.int64)
    columns, rows = xy[:width, 0], xy[:height, 1]
    is_inside = np.outer(_within(rows, masks.hw[0]), _within(columns, masks.hw[1]))
    picked = np.ix_(rows.clip(0, masks.hw[0] - 1), columns.clip(0, masks.hw[1] - 1))
    counts = (
        encode(decode(text, masks.hw)[picked] & is_inside) if text else b"" for text in masks.counts
    )
    return FrameMasks(hw, tuple(counts))


def _within(places: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.bool_]:
    return np.asarray((places >= 0) & (places < count))


@dataclass(frozen=True, slots=True)
class _Brush:
    """Sizes for an object's keypoints, so that they do not fill a small one.

    Attributes:
        line: thickness of a limb, pixels.
        dot: radius of a point, pixels.
        is_rimmed: whether limbs and dots have a dark rim of a pixel.
    """

    line: int
    dot: int
    is_rimmed: bool

    @classmethod
    def of(cls, xyxy: npt.NDArray[np.float32], pen: Pen) -> _Brush:
        """Choose by the longer side of the object's box, and by the image."""
        extent = float((xyxy[2:] - xyxy[:2]).max())
        if extent < _RIMLESS_SIDE:
            return cls(1, int(extent >= _DOTLESS_SIDE), False)
        line = max(1, min(pen.line, round(extent / _LINES_PER_OBJECT)))
        return cls(line, line // 2 + 1, True)


def _draw_limbs(
    image: Surface,
    xy: npt.NDArray[np.float32],
    limbs: Sequence[tuple[int, int]],
    color: Color,
    brush: _Brush,
) -> None:
    whole = xy.round().astype(np.int32)
    strokes = [(brush.line + 2, DARK)] * brush.is_rimmed + [(brush.line, color)]
    for thickness, ink in strokes:
        for limb in limbs:
            image.line(whole[list(limb)], ink, thickness)


def _draw_dots(image: Surface, xy: npt.NDArray[np.float32], color: Color, brush: _Brush) -> None:
    ring = brush.dot + (brush.line + 1) // 2
    discs = [(ring + 1, DARK), (ring, color)] * brush.is_rimmed + [(brush.dot, WHITE)]
    for x, y in xy.round().astype(int).tolist():
        for radius, ink in discs:
            image.disc((x, y), radius, ink)
