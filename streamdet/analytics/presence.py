"""Presence: whether something of a class is there, told once, however the detector flickers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgpack
import numpy as np
from pydantic import Field, model_validator

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.options import AnalyticsOptions, Fault, Surroundings
from streamdet.analytics.places import PlaceName, PlaceOptions
from streamdet.analytics.sightings import Sightings
from streamdet.config.suggestions import nearest
from streamdet.events import Event, EventPlace
from streamdet.messages import FrameMessage


class WatchOptions(PlaceOptions):
    """One thing that is watched for."""

    at_least: int = Field(8, ge=1, description="It is there when so many of the frames show it.")
    of_frames: int = Field(10, ge=1, le=1000, description="How many of the last frames count.")
    min_objects: int = Field(1, ge=1, description="A frame shows it with so many objects.")
    zone: str | None = Field(
        None, description="Only objects in this zone count, of a `zones` node before this one."
    )

    @model_validator(mode="after")
    def _check_counts(self) -> WatchOptions:
        if self.at_least > self.of_frames:
            raise ValueError(
                f"cannot ask for at_least {self.at_least} of of_frames {self.of_frames} frames"
            )
        return self


class PresenceOptions(AnalyticsOptions):
    """Options of `presence`."""

    presence: dict[PlaceName, WatchOptions] = Field(
        min_length=1, description="Name -> what is watched for."
    )

    def faults(self, surroundings: Surroundings) -> Iterator[Fault]:
        """Yield unknown sources and classes."""
        for name, watch in self.presence.items():
            yield from surroundings.faults(("presence", name), watch.sources, watch.classes)
            if watch.zone is not None and watch.zone not in surroundings.zones:
                hint = nearest(watch.zone, surroundings.zones)
                problem = f"must name a zone of a node before this one, got {watch.zone!r}; {hint}"
                yield ("presence", name, "zone"), problem

    def event_places(self) -> Sequence[EventPlace]:
        """List what its events may name."""
        return [watch.as_event_place("presence", name) for name, watch in self.presence.items()]


class Presence:
    """Says when something is there, and when it is gone: one event each.

    It is there when `at_least` of the last `of_frames` frames show it, and gone when none of them
    does. Objects need no track.
    """

    Options = PresenceOptions

    def __init__(self, options: PresenceOptions, context: AnalyticsContext) -> None:
        """Begin a source: nothing is there."""
        self._context = context
        self._watched = {n: o for n, o in options.presence.items() if o.is_in(context.source_id)}
        self._shown: dict[str, list[bool]] = {name: [] for name in self._watched}
        self._is_there = dict.fromkeys(self._watched, False)

    def update(self, frame: FrameMessage) -> FrameMessage:
        """Say what has come and gone."""
        found = frame.detections
        if found is None:
            return frame
        seen = Sightings(self._context.seconds(frame.frame), found)
        events: list[Event] = []
        for name in self._watched:
            count = self._count(name, frame.model, seen)
            events += self._note(name, count)
        return replace(frame, events=(*frame.events, *events))

    def _count(self, name: str, model: str | None, seen: Sightings) -> int:
        watch = self._watched[name]
        counts = seen.of_classes(self._context.class_ids(model, watch.classes))
        if watch.zone is not None:
            zones = seen.found.zones or ((),) * len(seen.found)
            counts &= np.array([watch.zone in names for names in zones], np.bool_)
        return int(counts.sum())

    def _note(self, name: str, count: int) -> Iterator[Event]:
        watch, shown = self._watched[name], self._shown[name]
        shown.append(count >= watch.min_objects)
        del shown[: -watch.of_frames]
        times = sum(shown)
        is_there = times > 0 if self._is_there[name] else times >= watch.at_least
        if is_there != self._is_there[name]:
            self._is_there[name] = is_there
            kind = "presence_start" if is_there else "presence_end"
            yield Event(kind, name, counts={"objects": count})

    def state(self) -> bytes:
        """What the last frames showed, and what is there."""
        packed: bytes = msgpack.packb((self._shown, self._is_there))
        return packed

    def restore(self, state: bytes) -> None:
        """Go on watching; what is not watched for any more is forgotten."""
        shown, is_there = msgpack.unpackb(state)
        for name in self._watched.keys() & shown:
            self._shown[name], self._is_there[name] = shown[name], is_there[name]
