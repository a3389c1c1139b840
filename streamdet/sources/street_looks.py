"""How the street looks: a person in a phase of walking, a car, and what does not move."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from streamdet.image import Pixels
from streamdet.sources.scene_uri import SceneSpec
from streamdet.sources.sprites import Canvas, Colour, Sprite

HORIZON = 0.115
"""Where the horizon lies, share of the image's height."""

HALF_WIDTH_M = (0.6, 2.25)
"""Room that a person and a car take to each side, metres."""

_FACADE_BOTTOM, _ROAD_TOP, _ROAD_BOTTOM = 0.53, 0.635, 0.81

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


def draw_person(rng: np.random.Generator, phase: float, pixels_per_m: float) -> Sprite:
    """Draw somebody who walks to the right, `phase` radians into the walking cycle."""
    skin, hair, shirt, trousers = (_pick(rng, c) for c in (_SKINS, _HAIRS, _SHIRTS, _TROUSERS))
    size = 0.97 + 0.02 * int(rng.integers(0, 5))
    has_bag = bool(rng.integers(0, 3) == 0)
    canvas = Canvas(2 * HALF_WIDTH_M[0] * size, 2.0 * size, pixels_per_m * size)
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


def draw_car(rng: np.random.Generator, pixels_per_m: float) -> Sprite:
    """Draw a car that drives to the right."""
    paint = _pick(rng, _CARS)
    glass, dark, tyre = (95, 80, 60), (40, 40, 42), (28, 28, 28)
    canvas = Canvas(2 * HALF_WIDTH_M[1], 1.6, pixels_per_m)
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


def paint_background(spec: SceneSpec) -> Pixels:
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
    horizon, centre = round(HORIZON * height), width // 2
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


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[int(rng.integers(0, len(colours)))]


def _darker(colour: Colour) -> Colour:
    return (colour[0] * 7 // 10, colour[1] * 7 // 10, colour[2] * 7 // 10)
