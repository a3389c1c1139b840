"""Lines: who crosses them, in which direction, and how many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgpack
from pydantic import Field

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.line_crossings import LineCrossings
from streamdet.analytics.options import AnalyticsOptions, BoxPoint, Fault, Points, Surroundings
from streamdet.analytics.places import Line, PixelPlaces, PlaceName, PlaceOptions, box_points
from streamdet.analytics.sightings import Sightings
from streamdet.events import Event, EventPlace, Marking
from streamdet.messages import FrameMessage


class LineOptions(PlaceOptions):
    """One line."""

    line: Line = Field(
        description="Its two points [x, y]; from 0 to 1 fractions of the image's width and height,"
        " else pixels. Who looks from the first to the second has `in` on the right hand."
    )


class LinesOptions(AnalyticsOptions):
    """Options of `lines`."""

    lines: dict[PlaceName, LineOptions] = Field(min_length=1, description="Name -> line.")
    point: BoxPoint = Field(
        "bottom_center", description="The point of an object's box that crosses."
    )
    hold_frames: int = Field(
        3, ge=1, le=1000, description="Frames in a row on the other side that make a crossing."
    )
    lost_s: float = Field(
        5.0, ge=0, description="Seconds without being seen after which an object is forgotten."
    )

    def faults(self, surroundings: Surroundings) -> Iterator[Fault]:
        """Yield unknown sources and classes."""
        for name, line in self.lines.items():
            yield from surroundings.faults(("lines", name), line.sources, line.classes)

    def event_places(self) -> Sequence[EventPlace]:
        """List what its events may name."""
        return [line.as_event_place("line", name) for name, line in self.lines.items()]

    def points(self, source_id: str) -> dict[str, Points]:
        """Map the keys of a source's lines to their points."""
        return {_key(name): line.line for name, line in self.lines.items() if line.is_in(source_id)}


class Lines:
    """Says when an object crosses a line, and counts the crossings in and out.

    Objects without a track cross nothing: nobody knows where they were before.
    """

    Options = LinesOptions

    def __init__(self, options: LinesOptions, context: AnalyticsContext) -> None:
        """Begin a source: nobody has crossed."""
        self._options = options
        self._context = context
        self._lines = {n: o for n, o in options.lines.items() if o.is_in(context.source_id)}
        self._crossings = {
            name: LineCrossings(name, options.hold_frames, options.lost_s) for name in self._lines
        }
        self._places = PixelPlaces(options.points(context.source_id), context.node)

    def update(self, frame: FrameMessage) -> FrameMessage:
        """Say who crosses which line.

        Raises:
            ConfigError: a line lies outside the image.
        """
        found = frame.detections
        if found is None:
            return frame
        self._places.fit(frame.frame)
        seen = Sightings(self._context.seconds(frame.frame), found)
        xy = box_points(frame, self._options.point)
        events: list[Event] = []
        markings: list[Marking] = []
        for name, crossings in self._crossings.items():
            line = self._lines[name]
            ends = self._places.xy[_key(name)]
            is_counted = seen.of_classes(self._context.class_ids(frame.model, line.classes))
            crossed = list(crossings.update(seen, is_counted, xy, ends))
            events += crossed
            text = f"{name} in {crossings.went_in} out {crossings.went_out}"
            points = tuple((x, y) for x, y in ends.tolist())
            markings.append(Marking("line", name, points, text, bool(crossed)))
        return replace(
            frame,
            events=(*frame.events, *events),
            markings=(*frame.markings, *markings),
        )

    def state(self) -> bytes:
        """The objects that are followed, the counts, and the size of the first frame."""
        crossings = {name: one.state() for name, one in self._crossings.items()}
        packed: bytes = msgpack.packb([self._places.first_hw, crossings])
        return packed

    def restore(self, state: bytes) -> None:
        """Go on counting; a line that is not there any more is forgotten."""
        self._places.first_hw, crossings = msgpack.unpackb(state, strict_map_key=False)
        for name in self._crossings.keys() & crossings:
            self._crossings[name].restore(crossings[name])


def _key(name: str) -> str:
    return f"lines.{name}.line"
