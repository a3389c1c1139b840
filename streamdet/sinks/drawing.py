"""Draws detections into a picture, in place: boxes, labels, and the trails of tracks.

Everything is as thick and as large as the picture's shorter side asks for, so that it looks alike
from 160x120 to 4K.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.image import Pixels

Color = tuple[int, int, int]
"""Blue, green, red, 0..255."""

TRAIL_LENGTH = 30
"""Frames: how many positions a trail has, and how long it outlives its track."""

MAX_COORDINATE = 32_767
TINY_SIDE = 200
"""Pixels of the shorter side below which a label says no more than the track id."""

WHITE: Color = (255, 255, 255)
DARK: Color = (24, 24, 24)
PALETTE: tuple[Color, ...] = (
    (255, 139, 61),  # blue
    (30, 157, 255),  # orange
    (40, 224, 139),  # lime
    (200, 105, 255),  # pink
    (255, 225, 40),  # cyan
    (72, 72, 255),  # red
    (40, 225, 255),  # yellow
    (255, 107, 158),  # violet
    (160, 201, 32),  # teal
    (245, 75, 224),  # magenta
    (163, 201, 255),  # peach
)


class Trails:
    """Where the tracks of one source stood: the middles of their boxes' lower edges."""

    def __init__(self, state: Sequence[tuple[int, int, bytes]] = ()) -> None:
        """Go on from `state`, or start without any."""
        self._points = {
            track_id: np.frombuffer(points, np.int16).reshape(-1, 2)
            for track_id, _, points in state
        }
        self._away = {track_id: away for track_id, away, _ in state}

    def update(self, detections: Detections) -> None:
        """Add a frame's positions; forget tracks that have been away for TRAIL_LENGTH frames."""
        for track_id in list(self._points):
            self._away[track_id] += 1
            if self._away[track_id] > TRAIL_LENGTH:
                del self._points[track_id], self._away[track_id]
        if detections.track_ids is None:
            return
        for track_id, xy in zip(detections.track_ids.tolist(), _feet(detections), strict=True):
            points = self._points.get(track_id, np.empty((0, 2), np.int16))
            self._points[track_id] = np.vstack([points, xy])[-TRAIL_LENGTH:]
            self._away[track_id] = 0

    def points(self, track_id: int) -> npt.NDArray[np.int16]:
        """Return a track's last positions, (T, 2) pixels, oldest first."""
        return self._points.get(track_id, np.empty((0, 2), np.int16))

    def state(self) -> list[tuple[int, int, bytes]]:
        """Say all that later trails depend on: track, frames away, points of 4 bytes each."""
        return [
            (track_id, self._away[track_id], points.tobytes())
            for track_id, points in self._points.items()
        ]


@dataclass(frozen=True, slots=True)
class Pen:
    """Sizes for a picture.

    Attributes:
        line: thickness of a box, pixels.
        font_scale: of OpenCV's Hershey simplex font.
        stroke: thickness of its strokes, pixels.
        margin: pixels around a text.
    """

    line: int
    font_scale: float
    stroke: int
    margin: int

    @classmethod
    def for_picture(cls, hw: tuple[int, int]) -> Pen:
        """Choose by the shorter side."""
        side = min(hw)
        scale = max(0.33, side / 1400)
        return cls(
            line=max(1, round(side / 240)),
            font_scale=scale,
            stroke=max(1, round(scale * 2.2)),
            margin=max(2, round(scale * 6)),
        )


def draw_detections(
    picture: Pixels, detections: Detections, labels: Sequence[str], trails: Trails
) -> None:
    """Draw trails, then boxes, then labels; the surest object lies on top.

    Args:
        picture: (H, W, 3) uint8 BGR, changed in place.
        detections: in the picture's pixels.
        labels: what to write at each box, without track id and score.
        trails: of the tracks, in the picture's pixels.
    """
    pen = Pen.for_picture(picture.shape[:2])
    colors = [track_color(key) for key in _color_keys(detections)]
    order = np.argsort(detections.scores, kind="stable").tolist()
    if detections.track_ids is not None:
        for row in order:
            points = trails.points(int(detections.track_ids[row]))
            _draw_trail(picture, points, colors[row], pen)
    corners = _corners(detections)
    for row in order:
        _draw_box(picture, corners[row], colors[row], pen)
    texts = _texts(picture, detections, labels)
    for row in order:
        if texts[row]:
            _draw_label(picture, corners[row], texts[row], colors[row], pen)


def draw_notice(picture: Pixels, text: str) -> None:
    """Write a line into the lower left corner, in place; the picture's edge cuts it."""
    import cv2

    pen = Pen.for_picture(picture.shape[:2])
    height = picture.shape[0]
    (_, text_height), base = cv2.getTextSize(
        text, cv2.FONT_HERSHEY_SIMPLEX, pen.font_scale, pen.stroke
    )
    top = max(0, height - text_height - base - 2 * pen.margin)
    picture[top:] = picture[top:] // 3
    _write(picture, text, (pen.margin, height - base - pen.margin), WHITE, pen)


def track_color(key: int) -> Color:
    """Choose the colour of a track (or class); neighbouring numbers look far apart."""
    return PALETTE[key % len(PALETTE)]


def _color_keys(detections: Detections) -> Iterable[int]:
    keys = detections.class_ids if detections.track_ids is None else detections.track_ids
    return map(int, keys)


def _feet(detections: Detections) -> npt.NDArray[np.int16]:
    x1, _, x2, y2 = detections.xyxy.T
    feet = np.stack([(x1 + x2) / 2, y2], axis=1).round()
    return feet.clip(-MAX_COORDINATE, MAX_COORDINATE).astype(np.int16)


def _corners(detections: Detections) -> list[list[int]]:
    """Pixels of the first and the last row and column of each box."""
    edges = detections.xyxy.round().clip(-MAX_COORDINATE, MAX_COORDINATE).astype(np.int64)
    edges[:, 2:] = np.maximum(edges[:, 2:] - 1, edges[:, :2])
    corners: list[list[int]] = edges.tolist()
    return corners


def _texts(picture: Pixels, detections: Detections, labels: Sequence[str]) -> list[str]:
    ids = [None] * len(detections) if detections.track_ids is None else detections.track_ids
    if min(picture.shape[:2]) < TINY_SIDE:
        return ["" if track_id is None else str(track_id) for track_id in ids]
    return [
        f"{label} {score:.2f}" if track_id is None else f"#{track_id} {label} {score:.2f}"
        for track_id, label, score in zip(ids, labels, detections.scores.tolist(), strict=True)
    ]


def _draw_trail(picture: Pixels, points: npt.NDArray[np.int16], color: Color, pen: Pen) -> None:
    import cv2

    path = points.astype(np.int32)
    recent = path[-len(path) // 2 :]
    cv2.polylines(picture, [path], False, color, max(1, pen.line // 2), cv2.LINE_AA)
    cv2.polylines(picture, [recent], False, color, pen.line, cv2.LINE_AA)


def _draw_box(picture: Pixels, corners: list[int], color: Color, pen: Pen) -> None:
    import cv2

    x1, y1, x2, y2 = corners
    if pen.line > 1:
        cv2.rectangle(picture, (x1, y1), (x2, y2), DARK, pen.line + 2)
    cv2.rectangle(picture, (x1, y1), (x2, y2), color, pen.line)


def _draw_label(picture: Pixels, corners: list[int], text: str, color: Color, pen: Pen) -> None:
    """Write on a plate above the box, or inside its top where there is no room above."""
    import cv2

    (width, height), base = cv2.getTextSize(
        text, cv2.FONT_HERSHEY_SIMPLEX, pen.font_scale, pen.stroke
    )
    plate_hw = height + base // 2 + 2 * pen.margin, width + 2 * pen.margin
    left = min(max(0, corners[0] - pen.line // 2), max(0, picture.shape[1] - plate_hw[1]))
    top = corners[1] - plate_hw[0]
    if top < 0:
        top = max(0, corners[1])
    right, bottom = left + plate_hw[1], top + plate_hw[0]
    cv2.rectangle(picture, (left, top), (right, bottom), color, cv2.FILLED)
    origin = left + pen.margin, top + pen.margin + height
    _write(picture, text, origin, _ink(color), pen)


def _ink(color: Color) -> Color:
    blue, green, red = color
    return DARK if 0.114 * blue + 0.587 * green + 0.299 * red > 120 else WHITE


def _write(picture: Pixels, text: str, origin: tuple[int, int], color: Color, pen: Pen) -> None:
    import cv2

    cv2.putText(
        picture,
        text,
        origin,
        cv2.FONT_HERSHEY_SIMPLEX,
        pen.font_scale,
        color,
        pen.stroke,
        cv2.LINE_AA,
    )
