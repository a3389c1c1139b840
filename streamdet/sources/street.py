"""A rendered street: people on both pavements, cars between them, and the truth of where they are.

Every frame is a pure function of (SceneSpec, index): nothing is stepped, so any frame can be drawn
at any time. Ground positions are integers (1/1024 pixel). The camera hangs 3.5 m high and looks
level: what stands at image height y is drawn with (y - horizon) / 3.5 pixels per metre.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections, FrameMasks
from streamdet.image import Pixels
from streamdet.ops.run_length import encode_region
from streamdet.sources.scene_uri import SceneSpec
from streamdet.sources.sprites import Sprite, blend, overlap
from streamdet.sources.street_looks import (
    HALF_WIDTH_M,
    HORIZON,
    draw_car,
    draw_person,
    paint_background,
)

CLASS_NAMES = ("person", "car")
"""What the truth's class_ids mean."""

_CAMERA_HEIGHT_M = 3.5
_PERSON_LANES = (0.60, 0.605, 0.88, 0.95)
_CAR_LANES = (0.70, 0.785)
_PHASES = 16
_GAP_M = (1.5, 14.0)  # by class: how long a crossing goes on out of sight
_STRIDE_M = 1.4  # one walking cycle, two steps
_SUBPIXEL = 1024
_Row = tuple[list[int], float, int, int, bytes]
"""Of somebody: box, share that is to be seen, class, track, mask."""


@dataclass(frozen=True, slots=True)
class _Actor:
    """Somebody who crosses the image again and again, each time as a new track.

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
        return paint_background(self.spec)

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
            object, hidden parts included, cut at the image's edges. scores: the share of the
            object that is to be seen, above 0. class_ids: index into CLASS_NAMES. track_ids: a
            new one for each crossing. masks: the pixels that are to be seen.
        """
        rows: list[_Row] = []
        hidden = np.zeros(self.spec.hw, np.bool_)
        for actor, lap, sprite, ground_xy in reversed(list(self._visible(index))):
            there, here = overlap(self.spec.hw, sprite, ground_xy)
            shape = sprite.silhouette[here]
            open_to_view = shape & ~hidden[there]
            seen = np.count_nonzero(open_to_view)
            if seen:
                share = seen / np.count_nonzero(sprite.silhouette)
                track_id = lap * len(self._actors) + self._actors.index(actor) + 1
                left_top = there[1].start, there[0].start
                counts = encode_region(open_to_view.T, left_top, self.spec.hw)
                rows.append((_extent(shape, there), share, actor.class_id, track_id, counts))
                hidden[there] |= shape
        return _to_detections(rows[::-1], self.spec.hw)

    def _visible(self, index: int) -> Iterator[tuple[_Actor, int, Sprite, tuple[int, int]]]:
        height, width = self.spec.hw
        for actor in self._actors:
            lap, way = divmod(actor.start + actor.step * index, actor.lap)
            pixels_per_m = _pixels_per_m(actor.ground_y, height)
            margin = HALF_WIDTH_M[actor.class_id] * pixels_per_m
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
            sprite = draw_person(rng, 2 * math.pi * phase / _PHASES, pixels_per_m)
        else:
            sprite = draw_car(rng, pixels_per_m)
        return sprite if actor.direction > 0 else sprite.mirrored()


def _cast(spec: SceneSpec) -> Iterator[_Actor]:
    """Choose people and cars: about as many to each image width, whatever the size is."""
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
    lap = width + round((2 * HALF_WIDTH_M[class_id] + _GAP_M[class_id]) * pixels_per_m)
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
    return (ground_y - HORIZON * height) / _CAMERA_HEIGHT_M


def _extent(shape: npt.NDArray[np.bool_], there: tuple[slice, slice]) -> list[int]:
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    top, left = there[0].start, there[1].start
    right, bottom = left + int(columns[-1]) + 1, top + int(rows[-1]) + 1
    return [left + int(columns[0]), top + int(rows[0]), right, bottom]


def _to_detections(rows: list[_Row], hw: tuple[int, int]) -> Detections:
    return Detections(
        xyxy=np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        scores=np.array([row[1] for row in rows], np.float32),
        class_ids=np.array([row[2] for row in rows], np.int64),
        track_ids=np.array([row[3] for row in rows], np.int64),
        masks=FrameMasks(hw, tuple(row[4] for row in rows)),
    )
