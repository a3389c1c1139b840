"""Draws detections into an image, in place: masks, boxes, keypoints, labels, trails of tracks.

Everything is as thick and as large as the image's shorter side asks for, so that it looks alike
from 160x120 to 4K.

Note "even": lines and plates begin and end at even rows and columns, because 4:2:0 video has one
colour for each 2x2 pixels: a line of 1 pixel, or an odd one, comes out grey.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from streamdet.detections import NO_PARENT, Detections
from streamdet.sinks.label_places import place_labels
from streamdet.sinks.overlays import draw_keypoints, draw_masks
from streamdet.sinks.pen import DARK, SMALL_SIDE, WHITE, Color, Pen
from streamdet.sinks.plate import Plate
from streamdet.sinks.yuv_image import Edges, Surface

TRAIL_LENGTH = 30
"""Frames: how many positions a trail has, and how long it outlives its track."""

MAX_COORDINATE = 32_767
TINY_SIDE = 200
"""Pixels of the shorter side below which a label says no more than the track id."""
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
        for track_id, xy in _feet_of_tracks(detections):
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


def draw_detections(
    image: Surface, detections: Detections, labels: Sequence[str], trails: Trails
) -> None:
    """Draw masks, trails, boxes, keypoints, labels, in this order; the surest object lies on top.

    Beside tracks, the box of an object without one is thin, and its label says no id. So is that of
    what was found in another object, whose colour it has.

    Args:
        image: changed in place.
        detections: in the image's pixels.
        labels: what to write at each box, without track id and score.
        trails: of the tracks, in the image's pixels.
    """
    pen = Pen.for_image(image.hw)
    colors = [track_color(key) for key in _color_keys(detections)]
    order = np.argsort(detections.scores, kind="stable").tolist()
    draw_masks(image, detections, colors, order)
    if detections.track_ids is not None:
        for row in order:
            points = trails.points(int(detections.track_ids[row]))
            _draw_trail(image, points, colors[row], pen)
    boxes = _even_edges(detections, pen.line)
    thin = replace(pen, line=max(2, pen.line // 4 * 2), is_outlined=False)
    is_thin = _is_thin(detections)
    for row in order:
        _draw_box(image, boxes[row], colors[row], thin if is_thin[row] else pen)
    draw_keypoints(image, detections, colors, order)
    texts = label_texts(image.hw, detections, labels)
    plates = [Plate.of(text, pen) for text in texts]
    places = place_labels(boxes, [plate.hw for plate in plates], order[::-1], image.hw)
    for row in order:
        if texts[row]:
            plates[row].draw(image, places[row], colors[row], pen)


def draw_notice(image: Surface, text: str) -> None:
    """Write a line into the lower left corner, in place; the image's edge cuts it."""
    import cv2

    pen = Pen.for_image(image.hw)
    height = image.hw[0]
    (_, text_height), base = cv2.getTextSize(
        text, cv2.FONT_HERSHEY_SIMPLEX, pen.font_scale, pen.stroke
    )
    top = max(0, height - text_height - base - 2 * pen.margin)
    image.darken(top - top % 2)
    image.write(text, (pen.margin, height - base - pen.margin), WHITE, pen)


def track_color(key: int) -> Color:
    """Choose the colour of a track (or class); neighbouring numbers look far apart."""
    return PALETTE[key % len(PALETTE)]


def _color_keys(detections: Detections) -> Iterable[int]:
    """Number the colours: by track, else by class; what was found in an object has its colour."""
    numbers = zip(detections.tracks(), detections.class_ids.tolist(), strict=True)
    keys = [class_id if track_id is None else track_id for track_id, class_id in numbers]
    if detections.parents is not None:
        for row, parent in enumerate(detections.parents.tolist()):
            keys[row] = keys[row] if parent == NO_PARENT else keys[parent]
    return keys


def _is_thin(detections: Detections) -> list[bool]:
    """Say which objects have no track where a tracker looks for them, or lie in another one."""
    has_tracker = detections.track_ids is not None
    untracked = np.array([has_tracker and each is None for each in detections.tracks()], np.bool_)
    if detections.parents is not None:
        untracked |= detections.parents != NO_PARENT
    rows: list[bool] = untracked.tolist()
    return rows


def _feet_of_tracks(detections: Detections) -> list[tuple[int, npt.NDArray[np.int16]]]:
    feet = zip(detections.tracks(), _feet(detections), strict=True)
    return [(track_id, xy) for track_id, xy in feet if track_id is not None]


def _feet(detections: Detections) -> npt.NDArray[np.int16]:
    x1, _, x2, y2 = detections.xyxy.T
    feet = np.stack([(x1 + x2) / 2, y2], axis=1).round()
    return feet.clip(-MAX_COORDINATE, MAX_COORDINATE).astype(np.int16)


def _even_edges(detections: Detections, smallest: int) -> list[list[int]]:
    """Edges as even integers, outwards, at least `smallest` apart; see note "even"."""
    edges = detections.xyxy.round().clip(-MAX_COORDINATE, MAX_COORDINATE).astype(np.int64)
    edges[:, :2] -= edges[:, :2] % 2
    edges[:, 2:] += edges[:, 2:] % 2
    edges[:, 2:] = np.maximum(edges[:, 2:], edges[:, :2] + smallest)
    boxes: list[list[int]] = edges.tolist()
    return boxes


def label_texts(hw: tuple[int, int], detections: Detections, labels: Sequence[str]) -> list[str]:
    """Say track id, class, attributes and score of each object, as far as `hw` has room for it.

    Args:
        hw: height and width of the image, pixels.
        detections: the objects.
        labels: their class names.
    """
    labels = _without_repeats(detections, labels)
    has_label, has_score = min(hw) >= TINY_SIDE, min(hw) >= SMALL_SIDE
    return [
        " ".join(
            ([] if track_id is None else [str(track_id)])
            + [label] * (has_label and label != "")
            + [*attributes.values()] * has_label
            + [f"{score:.2f}"] * has_score
        )
        for track_id, label, attributes, score in zip(
            detections.tracks(),
            labels,
            detections.attributes or ({},) * len(detections),
            detections.scores.tolist(),
            strict=True,
        )
    ]


def _without_repeats(detections: Detections, labels: Sequence[str]) -> list[str]:
    """Leave out the label of what was found in an object that is called the same."""
    said = list(labels)
    if detections.parents is not None:
        for row, parent in enumerate(detections.parents.tolist()):
            if parent != NO_PARENT and labels[row] == labels[parent]:
                said[row] = ""
    return said


def _draw_trail(image: Surface, points: npt.NDArray[np.int16], color: Color, pen: Pen) -> None:
    path = points.astype(np.int32)
    image.line(path, color, max(1, pen.line // 2))
    image.line(path[-len(path) // 2 :], color, pen.line)


def _draw_box(image: Surface, edges: Edges, color: Color, pen: Pen) -> None:
    """Draw a frame inside the edges: cv2's own thick lines are as wide as they please."""
    if pen.is_outlined:
        x1, y1, x2, y2 = edges
        for side in _sides((x1 - 1, y1 - 1, x2 + 1, y2 + 1), pen.line + 2):
            image.fill_luma(side, DARK)
    for side in _sides(edges, pen.line):
        image.fill(side, color)


def _sides(edges: Edges, thickness: int) -> tuple[Edges, Edges, Edges, Edges]:
    x1, y1, x2, y2 = edges
    return (
        (x1, y1, x2, y1 + thickness),
        (x1, y2 - thickness, x2, y2),
        (x1, y1, x1 + thickness, y2),
        (x2 - thickness, y1, x2, y2),
    )
