"""Zones: polygons that objects enter, stay in, crowd and leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgpack
import numpy as np
from pydantic import Field

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.options import AnalyticsOptions, BoxPoint, Fault, Points, Surroundings
from streamdet.analytics.places import XY, PixelPlaces, PlaceName, PlaceOptions, Polygon, box_points
from streamdet.analytics.sightings import Flags, Sightings
from streamdet.analytics.zone_visits import ZoneRules, ZoneVisits
from streamdet.events import Event, EventPlace, Marking
from streamdet.messages import FrameMessage


class ZoneOptions(PlaceOptions):
    """One zone."""

    polygon: Polygon = Field(
        description="Its corners [x, y], at least 3; from 0 to 1 fractions of the image's width and"
        " height, else pixels."
    )
    dwell_s: float | None = Field(
        None, gt=0, description="Seconds in the zone after which zone_dwell is an event."
    )
    max_inside: int | None = Field(
        None, ge=0, description="More objects than this in the zone are an event: zone_crowded."
    )


class ZonesOptions(AnalyticsOptions):
    """Options of `zones`."""

    zones: dict[PlaceName, ZoneOptions] = Field(min_length=1, description="Name -> zone.")
    point: BoxPoint = Field(
        "bottom_center", description="The point of an object's box that must lie in the polygon."
    )
    hold_frames: int = Field(
        3,
        ge=1,
        le=1000,
        description="Frames in a row that must say so before an object is in, or out.",
    )
    lost_s: float = Field(
        2.0,
        ge=0,
        description="Seconds without being seen after which an object has left the zone.",
    )

    def faults(self, surroundings: Surroundings) -> Iterator[Fault]:
        """Yield unknown sources and classes."""
        for name, zone in self.zones.items():
            yield from surroundings.faults(("zones", name), zone.sources, zone.classes)

    def zone_names(self) -> Sequence[str]:
        """List the names of its zones."""
        return tuple(self.zones)

    def event_places(self) -> Sequence[EventPlace]:
        """List what its events may name."""
        return [zone.as_event_place("zone", name) for name, zone in self.zones.items()]

    def points(self, source_id: str) -> dict[str, Points]:
        """Map the keys of a source's zones to their points."""
        return {
            _key(name): zone.polygon for name, zone in self.zones.items() if zone.is_in(source_id)
        }


class Zones:
    """Says which zones each object is in, and when one enters, dwells or leaves.

    Objects without a track count for how many are inside, but enter and leave nothing: nobody knows
    whether the next frame shows the same ones.
    """

    Options = ZonesOptions

    def __init__(self, options: ZonesOptions, context: AnalyticsContext) -> None:
        """Begin a source: nobody is in its zones."""
        self._options = options
        self._context = context
        self._zones = {n: z for n, z in options.zones.items() if z.is_in(context.source_id)}
        self._visits = {name: ZoneVisits(self._rules(name)) for name in self._zones}
        self._places = PixelPlaces(options.points(context.source_id), context.node)
        self._areas: dict[str, Any] = {}

    def _rules(self, name: str) -> ZoneRules:
        options, zone = self._options, self._zones[name]
        return ZoneRules(name, options.hold_frames, options.lost_s, zone.dwell_s, zone.max_inside)

    def update(self, frame: FrameMessage) -> FrameMessage:
        """Name the zones of each object, and say what happened in them.

        Raises:
            ConfigError: a polygon lies outside the image.
        """
        found = frame.detections
        if found is None:
            return frame
        seen = Sightings(self._context.seconds(frame.frame), found)
        if self._places.fit(frame.frame):
            self._areas = {name: _area(self._places.xy[_key(name)]) for name in self._zones}
        xy = box_points(frame, self._options.point)
        names: list[list[str]] = [list(zones) for zones in found.zones or [()] * len(found)]
        events: list[Event] = []
        markings: list[Marking] = []
        for name, visits in self._visits.items():
            is_within = self._is_within(name, xy, frame.model, seen)
            events += visits.update(seen, is_within)
            for row in self._rows_inside(visits, seen, is_within):
                names[row].append(name)
            markings.append(self._marking(name))
        return replace(
            frame,
            detections=replace(found, zones=tuple(map(tuple, names))),
            events=(*frame.events, *events),
            markings=(*frame.markings, *markings),
        )

    def _is_within(self, name: str, xy: XY, model: str | None, seen: Sightings) -> Flags:
        from shapely import intersects_xy

        class_ids = self._context.class_ids(model, self._zones[name].classes)
        is_within = intersects_xy(self._areas[name], xy[:, 0], xy[:, 1])
        return np.asarray(is_within & seen.of_classes(class_ids), np.bool_)

    def _marking(self, name: str) -> Marking:
        inside = self._visits[name].inside
        points = tuple((x, y) for x, y in self._places.xy[_key(name)].tolist())
        return Marking("zone", name, points, f"{name} {inside}", inside > 0)

    @staticmethod
    def _rows_inside(visits: ZoneVisits, seen: Sightings, is_within: Flags) -> Iterator[int]:
        for row, track_id in enumerate(seen.tracks):
            if visits.is_inside(track_id) if track_id is not None else is_within[row]:
                yield row

    def state(self) -> bytes:
        """The visits of each zone, and the size of the first frame."""
        visits = {name: visits.state() for name, visits in self._visits.items()}
        packed: bytes = msgpack.packb([self._places.first_hw, visits])
        return packed

    def restore(self, state: bytes) -> None:
        """Go on with the visits; those of a zone that is not there any more are forgotten."""
        self._places.first_hw, visits = msgpack.unpackb(state, strict_map_key=False)
        for name in self._visits.keys() & visits:
            self._visits[name].restore(visits[name])


def _key(name: str) -> str:
    return f"zones.{name}.polygon"


def _area(corners: XY) -> Any:
    from shapely import Polygon as Area
    from shapely import prepare

    area = Area(corners)
    prepare(area)  # asked for each frame: three times as fast
    return area
