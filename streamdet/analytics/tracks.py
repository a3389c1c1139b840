"""Tracks: when each begins and ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from operator import attrgetter

import msgpack
from pydantic import Field

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.options import AnalyticsOptions, Fault, Surroundings
from streamdet.analytics.sightings import Sightings
from streamdet.events import Event
from streamdet.messages import FrameMessage


class TracksOptions(AnalyticsOptions):
    """Options of `tracks`."""

    classes: tuple[str, ...] | None = Field(
        None, min_length=1, description="Names of the classes that count; by default all."
    )
    min_frames: int = Field(
        5, ge=1, description="Frames that a track must be seen in before its start is an event."
    )
    lost_s: float = Field(
        2.0, ge=0, description="Seconds without being seen after which a track has ended."
    )

    def faults(self, surroundings: Surroundings) -> Iterator[Fault]:
        """Yield unknown classes."""
        yield from surroundings.faults((), (), self.classes)


@dataclass(slots=True)
class _Track:
    class_id: int
    seen_frames: int
    first_s: float
    seen_s: float


_values = attrgetter(*(each.name for each in fields(_Track)))  # astuple copies deeply, and is slow


class Tracks:
    """Says when a track has started and when it has ended: one event each for every track.

    A track that ends before it was seen in `min_frames` frames makes no event.
    """

    Options = TracksOptions

    def __init__(self, options: TracksOptions, context: AnalyticsContext) -> None:
        """Begin a source: there is no track."""
        self._options = options
        self._context = context
        self._tracks: dict[int, _Track] = {}

    def update(self, frame: FrameMessage) -> FrameMessage:
        """Say which tracks start and end."""
        found = frame.detections
        if found is None:
            return frame
        seen = Sightings(self._context.seconds(frame.frame), found)
        is_counted = seen.of_classes(self._context.class_ids(frame.model, self._options.classes))
        events: list[Event] = []
        for row, track_id in seen.tracked():
            if is_counted[row]:
                events += self._follow(row, track_id, seen)
        events += self._end(seen.now_s)
        return replace(frame, events=(*frame.events, *events))

    def _follow(self, row: int, track_id: int, seen: Sightings) -> Iterator[Event]:
        class_id = seen.class_ids[row]
        track = self._tracks.setdefault(track_id, _Track(class_id, 0, seen.now_s, seen.now_s))
        track.class_id, track.seen_s = class_id, seen.now_s
        track.seen_frames += 1
        if track.seen_frames == self._options.min_frames:
            yield Event("track_start", track_id=track_id, class_id=class_id, xyxy=seen.box(row))

    def _end(self, now_s: float) -> Iterator[Event]:
        for track_id, track in list(self._tracks.items()):
            if now_s - track.seen_s <= self._options.lost_s:
                continue
            del self._tracks[track_id]
            if track.seen_frames >= self._options.min_frames:
                more = {
                    "seen_frames": track.seen_frames,
                    "dwell_s": round(track.seen_s - track.first_s, 3),
                }
                yield Event("track_end", track_id=track_id, class_id=track.class_id, more=more)

    def state(self) -> bytes:
        """The tracks that have not ended."""
        tracks = [(track_id, *_values(track)) for track_id, track in self._tracks.items()]
        packed: bytes = msgpack.packb(tracks)
        return packed

    def restore(self, state: bytes) -> None:
        """Go on with the tracks."""
        self._tracks = {track_id: _Track(*values) for track_id, *values in msgpack.unpackb(state)}
