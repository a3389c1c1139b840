"""Speed: how fast objects move over the ground."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Annotated, Final

import msgpack
import numpy as np
from pydantic import AfterValidator, Field, model_validator

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.ground import XY, homography, is_straight, on_ground
from streamdet.analytics.options import (
    AnalyticsOptions,
    BoxPoint,
    Fault,
    Point,
    Points,
    Surroundings,
)
from streamdet.analytics.places import PixelPlaces, box_points, checked_points
from streamdet.analytics.sightings import Sightings
from streamdet.config.options import Options
from streamdet.detections import Floats
from streamdet.events import Event
from streamdet.messages import FrameMessage

_FourPoints = Annotated[tuple[Point, ...], Field(min_length=4, max_length=4)]
_KEY: Final = "ground.image"
_KEPT: Final = 10
"""How many positions of a way are kept: more would only make the state larger."""

_Position = tuple[float, float, float]
"""When (seconds) and where (x, y, metres)."""


class GroundOptions(Options):
    """Four points of the image and where they lie on the ground."""

    image: Annotated[_FourPoints, AfterValidator(checked_points)] = Field(
        description="Four points [x, y] on the ground as the image shows them, none three on a"
        " line; from 0 to 1 fractions of the image, else pixels."
    )
    metres: _FourPoints = Field(description="The same points on the ground, [x, y] in metres.")

    @model_validator(mode="after")
    def _check_points(self) -> GroundOptions:
        for name, points in (("image", self.image), ("metres", self.metres)):
            if any(is_straight(three) for three in combinations(points, 3)):
                raise ValueError(f"must not have three points on a line, {name} has")
        return self


class SpeedOptions(AnalyticsOptions):
    """Options of `speed`."""

    metres_per_pixel: float | None = Field(
        None, gt=0, description="Where the camera looks straight down: metres of a pixel."
    )
    ground: GroundOptions | None = Field(
        None, description="Where it looks at an angle: four points that are known."
    )
    over_s: float = Field(1.0, gt=0, le=60, description="Seconds over which a speed is measured.")
    max_mps: float | None = Field(
        None, gt=0, description="Metres per second above which `speeding` is an event."
    )
    classes: tuple[str, ...] | None = Field(
        None, min_length=1, description="Classes that are measured; by default all."
    )
    point: BoxPoint = Field("bottom_center", description="The point of an object's box that moves.")

    @model_validator(mode="after")
    def _check_scale(self) -> SpeedOptions:
        if (self.metres_per_pixel is None) == (self.ground is None):
            raise ValueError("must say either metres_per_pixel or ground")
        return self

    def faults(self, surroundings: Surroundings) -> Iterator[Fault]:
        """Yield unknown classes."""
        yield from surroundings.faults((), (), self.classes)

    def points(self, source_id: str) -> dict[str, Points]:
        """Map the key of the known points to them."""
        return {} if self.ground is None else {_KEY: self.ground.image}


class Speed:
    """Measures how fast each track moves over the ground, and says which are too fast.

    The speed is the way over the last `over_s` seconds by its time; none is known before a track
    has been seen for half of that. Each track is too fast once.
    """

    Options = SpeedOptions

    def __init__(self, options: SpeedOptions, context: AnalyticsContext) -> None:
        """Begin a source: nothing has moved."""
        self._options = options
        self._context = context
        self._ways: dict[int, list[_Position]] = {}
        self._told: set[int] = set()
        self._places = PixelPlaces(options.points(context.source_id), context.node)
        self._matrix = np.diag([options.metres_per_pixel or 1.0] * 2 + [1.0])

    def update(self, frame: FrameMessage) -> FrameMessage:
        """Add the speed of each object.

        Raises:
            ConfigError: points of `ground` lie outside the image.
        """
        found = frame.detections
        if found is None:
            return frame
        if self._places.fit(frame.frame) and self._options.ground is not None:
            metres = np.array(self._options.ground.metres)
            self._matrix = homography(self._places.xy[_KEY], metres)
        seen = Sightings(self._context.seconds(frame.frame), found)
        places = on_ground(self._matrix, box_points(frame, self._options.point))
        is_counted = seen.of_classes(self._context.class_ids(frame.model, self._options.classes))
        speeds = np.full(len(found), np.nan, np.float32)
        for row, track_id in seen.tracked():
            if is_counted[row] and np.isfinite(places[row]).all():
                speeds[row] = self._measured(track_id, places[row], seen.now_s)
        events = list(self._too_fast(seen, speeds))
        self._forget(seen.now_s)
        return replace(
            frame,
            detections=replace(found, speeds=speeds),
            events=(*frame.events, *events),
        )

    def _measured(self, track_id: int, metres: XY, now_s: float) -> float:
        """Add a position to a track's way; returns its speed, NaN while it is not known."""
        way = self._ways.setdefault(track_id, [])
        x, y = metres.tolist()
        if not way or now_s - way[-1][0] >= self._options.over_s / _KEPT:
            way.append((now_s, x, y))
        while way[0][0] < now_s - self._options.over_s:
            del way[0]
        then_s, from_x, from_y = way[0]
        if now_s - then_s < self._options.over_s / 2:
            return float("nan")
        return float(np.hypot(x - from_x, y - from_y)) / (now_s - then_s)

    def _too_fast(self, seen: Sightings, speeds: Floats) -> Iterator[Event]:
        limit = self._options.max_mps
        for row, track_id in seen.tracked() if limit is not None else ():
            if speeds[row] > limit and track_id not in self._told:
                self._told.add(track_id)
                class_id = seen.class_ids[row]
                more = {"speed_mps": round(float(speeds[row]), 2)}
                yield Event("speeding", "", track_id, class_id, seen.box(row), more=more)

    def _forget(self, now_s: float) -> None:
        longest_s = 2 * self._options.over_s
        gone = [t for t, way in self._ways.items() if now_s - way[-1][0] > longest_s]
        for track_id in gone:
            del self._ways[track_id]
            self._told.discard(track_id)

    def state(self) -> bytes:
        """The ways of the tracks, which were told, and the size of the first frame."""
        packed: bytes = msgpack.packb((self._places.first_hw, self._ways, sorted(self._told)))
        return packed

    def restore(self, state: bytes) -> None:
        """Go on measuring."""
        self._places.first_hw, ways, told = msgpack.unpackb(state, strict_map_key=False)
        self._ways = {track_id: [tuple(each) for each in way] for track_id, way in ways.items()}
        self._told = set(told)
