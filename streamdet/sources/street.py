"""A rendered street: people on both pavements, cars between them, and the truth of where they are.

Every frame is a pure function of (SceneSpec, index): nothing is stepped, so any frame can be drawn
at any time. Ground positions are integers (1/1024 pixel). The camera hangs 3.5 m high and looks
level: what stands at picture height y is drawn with (y - horizon) / 3.5 pixels per metre.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.image import Pixels
from streamdet.sources.scene_uri import SceneSpec
from streamdet.sources.sprites import Canvas, Colour, Sprite, blend, overlap

CLASS_NAMES = ("person", "car")
"""What the truth's class_ids mean."""

_HORIZON = 0.115
_CAMERA_HEIGHT_M = 3.5
_FACADE_BOTTOM, _ROAD_TOP, _ROAD_BOTTOM = 0.53, 0.635, 0.81
_PERSON_LANES = (0.60, 0.605, 0.88, 0.95)
_CAR_LANES = (0.70, 0.785)
_PHASES = 16
_HALF_WIDTH_M = (0.6, 2.25)  # by class
_GAP_M = (1.5, 14.0)  # by class: how long a crossing goes on out of sight
_STRIDE_M = 1.4  # one walking cycle, two steps
_SUBPIXEL = 1024

_SKINS: tuple[Colour, ...] = ((150, 180, 225), (110, 145, 200), (70, 95, 150), (50, 65, 100))
_HAIRS: tuple[Colour, ...] = ((25, 25, 30), (30, 50, 80), (60, 110, 160), (110, 110, 115))
_SHIRTS: tuple[Colour, ...] = (
    (45, 40, 185), (170, 70, 30), (55, 120, 40), (40, 35, 40), (30, 160, 215), (130, 40, 110),
    (225, 225, 225), (110, 90, 20),
)  # fmt: skip
_TROUSERS: tuple[Colour, ...] = ((75, 45, 30), (35, 35, 38), (45, 60, 75), (90, 60, 40))
_CARS: tuple[Colour, ...] = (
    (60, 45, 170),
    (150, 90, 40),
    (215, 215, 215),
    (60, 60, 65),
    (70, 130, 60),
)


@dataclass(frozen=True, slots=True)
class _Actor:
    """Somebody who crosses the picture again and again, each time as a new track.

    Attributes:
        class_id: index into CLASS_NAMES.
        look: seed of the looks.
        ground_y: where the feet or wheels are, pixels.
        start: way behind it at frame 0, 1/1024 pixel.
        step: way per frame, 1/1024 pixel.
        lap: way of one crossing, 1/1024 pixel.
        direction: 1 to the right, -1 to the left.
    """

    class_id: int
    look: int
    ground_y: int
    start: int
    step: int
    lap: int
    direction: int


class Street:
    """One scene. It keeps its sprites, so the first frames cost more than the others."""

    def __init__(self, spec: SceneSpec) -> None:
        """Plan who crosses the street when; draws nothing yet."""
        self.spec = spec
        self._actors = sorted(_cast(spec), key=lambda actor: actor.ground_y)
        self._sprite = lru_cache(maxsize=None)(self._draw_sprite)

    @cached_property
    def background(self) -> Pixels:
        """The street without anybody."""
        return _paint_background(self.spec)

    def render(self, index: int) -> Pixels:
        """Draw a frame.

        Returns:
            (H, W, 3) uint8 BGR, the caller's own.
        """
        frame = self.background.copy()
        for _, _, sprite, ground_xy in self._visible(index):
            blend(frame, sprite, ground_xy)
        return frame

    def truth(self, index: int) -> Detections:
        """Say where everybody is.

        Returns:
            Objects from far to near (a later one hides an earlier one). xyxy: the extent of the
            object, hidden parts included, cut at the picture's edges. scores: the share of the
            object that is to be seen, above 0. class_ids: index into CLASS_NAMES. track_ids: a
            new one for each crossing.
        """
        rows: list[tuple[list[int], float, int, int]] = []
        hidden = np.zeros(self.spec.hw, np.bool_)
        for actor, lap, sprite, ground_xy in reversed(list(self._visible(index))):
            there, here = overlap(self.spec.hw, sprite, ground_xy)
            shape = sprite.silhouette[here]
            seen = np.count_nonzero(shape & ~hidden[there])
            if seen:
                share = seen / np.count_nonzero(sprite.silhouette)
                track_id = lap * len(self._actors) + self._actors.index(actor) + 1
                rows.append((_extent(shape, there), share, actor.class_id, track_id))
                hidden[there] |= shape
        return _to_detections(rows[::-1])

    def _visible(self, index: int) -> Iterator[tuple[_Actor, int, Sprite, tuple[int, int]]]:
        height, width = self.spec.hw
        for actor in self._actors:
            lap, way = divmod(actor.start + actor.step * index, actor.lap)
            pixels_per_m = _pixels_per_m(actor.ground_y, height)
            margin = _HALF_WIDTH_M[actor.class_id] * pixels_per_m
            x = round(way / _SUBPIXEL - margin)
            if x > width + margin:
                continue
            phase = 0
            if actor.class_id == 0:
                phase = int(way * _PHASES / (_SUBPIXEL * _STRIDE_M * pixels_per_m)) % _PHASES
            sprite = self._sprite(actor, phase)
            ground_x = x if actor.direction > 0 else width - 1 - x
            yield actor, lap, sprite, (ground_x, actor.ground_y)

    def _draw_sprite(self, actor: _Actor, phase: int) -> Sprite:
        pixels_per_m = _pixels_per_m(actor.ground_y, self.spec.hw[0])
        rng = np.random.default_rng([actor.look, actor.class_id])
        if actor.class_id == 0:
            sprite = _draw_person(rng, 2 * math.pi * phase / _PHASES, pixels_per_m)
        else:
            sprite = _draw_car(rng, pixels_per_m)
        return sprite if actor.direction > 0 else sprite.mirrored()


def _cast(spec: SceneSpec) -> Iterator[_Actor]:
    """Choose people and cars: about as many to each picture width, whatever the size is."""
    rng = np.random.default_rng([spec.seed, 0])
    aspect = spec.hw[1] / spec.hw[0]
    for lane, ground in enumerate(_PERSON_LANES):
        for _ in range(max(1, round(aspect * (1.4 if lane < 2 else 0.7)))):
            speed = 1.1 + 0.05 * int(rng.integers(0, 9))
            yield _plan(rng, spec, 0, (ground, speed, lane))
    for lane, ground in enumerate(_CAR_LANES):
        for _ in range(max(1, round(aspect / 2))):
            yield _plan(rng, spec, 1, (ground, 5.0 + lane, lane))


def _plan(
    rng: np.random.Generator, spec: SceneSpec, class_id: int, way: tuple[float, float, int]
) -> _Actor:
    ground, metres_per_s, lane = way
    height, width = spec.hw
    ground_y = round(ground * height)
    pixels_per_m = _pixels_per_m(ground_y, height)
    lap = width + round((2 * _HALF_WIDTH_M[class_id] + _GAP_M[class_id]) * pixels_per_m)
    return _Actor(
        class_id=class_id,
        look=int(rng.integers(0, 2**31)),
        ground_y=ground_y,
        start=int(rng.integers(0, lap * _SUBPIXEL)),
        step=max(1, round(metres_per_s * pixels_per_m * _SUBPIXEL / float(spec.fps))),
        lap=lap * _SUBPIXEL,
        direction=-1 if lane % 2 else 1,
    )


def _pixels_per_m(ground_y: int, height: int) -> float:
    return (ground_y - _HORIZON * height) / _CAMERA_HEIGHT_M


def _extent(shape: npt.NDArray[np.bool_], there: tuple[slice, slice]) -> list[int]:
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    top, left = there[0].start, there[1].start
    right, bottom = left + int(columns[-1]) + 1, top + int(rows[-1]) + 1
    return [left + int(columns[0]), top + int(rows[0]), right, bottom]


def _to_detections(rows: list[tuple[list[int], float, int, int]]) -> Detections:
    return Detections(
        xyxy=np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        scores=np.array([row[1] for row in rows], np.float32),
        class_ids=np.array([row[2] for row in rows], np.int64),
        track_ids=np.array([row[3] for row in rows], np.int64),
    )


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[int(rng.integers(0, len(colours)))]


def _darker(colour: Colour) -> Colour:
    return (colour[0] * 7 // 10, colour[1] * 7 // 10, colour[2] * 7 // 10)


def _draw_person(rng: np.random.Generator, phase: float, pixels_per_m: float) -> Sprite:
    """Draw somebody who walks to the right, `phase` radians into the walking cycle."""
    skin, hair, shirt, trousers = (_pick(rng, c) for c in (_SKINS, _HAIRS, _SHIRTS, _TROUSERS))
    size = 0.97 + 0.02 * int(rng.integers(0, 5))
    has_bag = bool(rng.integers(0, 3) == 0)
    canvas = Canvas(2 * _HALF_WIDTH_M[0] * size, 2.0 * size, pixels_per_m * size)
    canvas.shadow(0.45)
    lift = 0.02 * math.cos(2 * phase)
    hip, shoulder = (0.0, 0.90 + lift), (0.03, 1.43 + lift)
    _draw_arm(canvas, shoulder, phase + math.pi, _darker(shirt), _darker(skin))
    _draw_leg(canvas, hip, phase, _darker(trousers))
    _draw_leg(canvas, hip, phase + math.pi, trousers)
    if has_bag:
        canvas.limb(((-0.17, 1.38 + lift), (-0.17, 1.08 + lift)), (0.09, 0.11), _darker(shirt))
    canvas.limb((shoulder, (0.0, 0.97 + lift)), (0.185, 0.15), shirt)
    canvas.limb(((0.03, 1.5 + lift), (0.04, 1.6 + lift)), (0.06, 0.06), _darker(skin))
    canvas.disc((0.035, 1.665 + lift), (0.105, 0.125), hair)
    canvas.disc((0.06, 1.645 + lift), (0.085, 0.105), skin)
    _draw_arm(canvas, shoulder, phase, shirt, skin)
    return canvas.sprite()


def _draw_leg(canvas: Canvas, hip: tuple[float, float], phase: float, colour: Colour) -> None:
    swing = 0.42 * math.sin(phase)
    bend = 0.12 + 0.55 * max(0.0, math.cos(phase)) ** 2
    knee = _reach(hip, 0.43, swing + 0.05)
    ankle = _reach(knee, 0.42, swing + 0.05 - bend)
    canvas.limb((hip, knee), (0.105, 0.078), colour)
    canvas.limb((knee, ankle), (0.078, 0.055), colour)
    canvas.limb((ankle, (ankle[0] + 0.13, max(ankle[1] - 0.03, 0.04))), (0.05, 0.045), (30, 28, 28))


def _draw_arm(
    canvas: Canvas, shoulder: tuple[float, float], phase: float, sleeve: Colour, skin: Colour
) -> None:
    swing = 0.3 * math.sin(phase)
    elbow = _reach((shoulder[0], shoulder[1] - 0.02), 0.29, swing - 0.1)
    hand = _reach(elbow, 0.26, swing + 0.25)
    canvas.limb((elbow, hand), (0.045, 0.04), skin)
    canvas.limb((shoulder, elbow), (0.068, 0.055), sleeve)


def _reach(joint: tuple[float, float], length: float, angle: float) -> tuple[float, float]:
    """Go down from a joint; the angle is 0 straight down and grows forwards."""
    return joint[0] + length * math.sin(angle), joint[1] - length * math.cos(angle)


def _draw_car(rng: np.random.Generator, pixels_per_m: float) -> Sprite:
    """Draw a car that drives to the right."""
    paint = _pick(rng, _CARS)
    glass, dark, tyre = (95, 80, 60), (40, 40, 42), (28, 28, 28)
    canvas = Canvas(2 * _HALF_WIDTH_M[1], 1.6, pixels_per_m)
    canvas.shadow(2.2)
    cabin = ((-1.15, 1.38), (0.55, 1.38), (1.2, 0.9), (-1.75, 0.9))
    canvas.polygon(cabin, _darker(paint), 0.06)
    canvas.polygon(((-1.08, 1.33), (-0.38, 1.33), (-0.38, 0.93), (-1.5, 0.93)), glass, 0.02)
    canvas.polygon(((-0.26, 1.33), (0.5, 1.33), (1.02, 0.93), (-0.26, 0.93)), glass, 0.02)
    canvas.polygon(
        ((-2.05, 0.86), (1.5, 0.9), (2.02, 0.72), (2.05, 0.32), (-2.05, 0.32)), paint, 0.1
    )
    canvas.polygon(((-2.1, 0.36), (2.1, 0.36), (2.1, 0.24), (-2.1, 0.24)), dark, 0.03)
    canvas.polygon(((1.92, 0.7), (2.1, 0.66), (2.1, 0.56), (1.92, 0.56)), (200, 235, 245), 0.02)
    canvas.polygon(((-2.12, 0.8), (-2.0, 0.8), (-2.0, 0.58), (-2.12, 0.58)), (40, 40, 190), 0.02)
    for x in (-1.3, 1.3):
        canvas.disc((x, 0.32), (0.33, 0.33), tyre)
        canvas.disc((x, 0.32), (0.19, 0.19), (150, 150, 152))
    return canvas.sprite()


def _paint_background(spec: SceneSpec) -> Pixels:
    """Paint what does not move: houses, two pavements, a road."""
    rng = np.random.default_rng([spec.seed, 1])
    height, width = spec.hw
    plane = np.zeros((height, width, 3), np.int16)
    facade, road, kerb = (round(height * y) for y in (_FACADE_BOTTOM, _ROAD_TOP, _ROAD_BOTTOM))
    _paint_houses(rng, plane[:facade])
    plane[facade:road] = (146, 150, 154)
    plane[road:kerb] = (92, 90, 90)
    plane[kerb:] = (150, 154, 158)
    thin = max(1, height // 160)
    plane[facade : facade + 2 * thin] = (118, 120, 122)
    for y in (road, kerb):
        plane[y - thin : y + thin] = (182, 184, 186)
    _paint_slabs(plane, kerb + thin, height)
    _paint_dashes(plane, (road + kerb) // 2, thin)
    grain = rng.integers(-5, 6, (height, width, 1), dtype=np.int16)
    background: Pixels = np.clip(plane + grain, 0, 255).astype(np.uint8)
    return background


def _paint_houses(rng: np.random.Generator, wall: npt.NDArray[np.int16]) -> None:
    height, width = wall.shape[:2]
    left = 0
    while left < width:
        house = wall[:, left : left + round(height * (0.7 + 0.1 * int(rng.integers(0, 6))))]
        tone = int(rng.integers(185, 215))
        house[...] = (
            tone - 8 + int(rng.integers(-12, 6)),
            tone - 2,
            tone + int(rng.integers(0, 16)),
        )
        storey = height // 3
        for top in range(storey // 5, height - storey // 2, storey):
            for x in range(storey // 3, house.shape[1] - storey // 2, storey * 9 // 10):
                pane = house[top : top + storey * 3 // 5, x : x + storey // 2]
                pane[...] = pane * 17 // 20
                pane[: max(1, storey // 30)] += 20
        house[:, -max(1, height // 90) :] -= 14
        left += house.shape[1]


def _paint_slabs(plane: npt.NDArray[np.int16], top: int, bottom: int) -> None:
    height, width = plane.shape[:2]
    horizon, centre = round(_HORIZON * height), width // 2
    rows = np.arange(top, bottom)
    for metre in range(-12, 13):
        columns = centre + metre * (rows - horizon) * 2 // 7
        inside = (columns >= 0) & (columns < width)
        plane[rows[inside], columns[inside]] -= 16
    for depth in range(4):
        y = top + (bottom - top) * (depth + 1) * (depth + 2) // 20
        plane[y : y + 1] -= 16


def _paint_dashes(plane: npt.NDArray[np.int16], y: int, thin: int) -> None:
    length = plane.shape[0] // 8
    for left in range(0, plane.shape[1], 2 * length):
        plane[y - thin : y + thin, left : left + length] = (196, 200, 202)
