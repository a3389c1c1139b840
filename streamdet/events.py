"""What analytics say of a frame besides its objects: events, and shapes to be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PLACES = {"zone": "zone", "line": "line", "presence": "presence"}
"""First word of an event's kind -> what its place is called, for events that have a place."""

KINDS = (
    *("zone_enter", "zone_exit", "zone_dwell", "zone_crowded", "zone_cleared"),
    *("line_crossed", "presence_start", "presence_end", "track_start", "track_end", "speeding"),
)
"""What streamdet's own analytics notice; plugins may notice other things."""

EVENT_FIELD = "event"
"""Field of an entry of the stream of events that holds the JSON."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a frame.

    Attributes:
        kind: what: zone_enter, line_crossed ...; see formats/event_json.py for all of them.
        place: name of the zone, line or presence; "" where there is none.
        track_id: of the object; None for an event of no single object.
        class_id: of the object; None for an event of no single class.
        xyxy: x1, y1, x2, y2 of the object in source pixels; None where it is not to be seen.
        counts: what is counted -> how many, after the frame.
        more: other keys of the event, see formats/event_json.py.
        node: the node that noticed it; its stage puts it in.
    """

    kind: str
    place: str = ""
    track_id: int | None = None
    class_id: int | None = None
    xyxy: tuple[float, float, float, float] | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    node: str = ""

    def key(self) -> tuple[str, str, str, str]:
        """What tells the event from the others of its frame."""
        return self.node, self.kind, self.place, str(self.track_id)


@dataclass(frozen=True, slots=True)
class EventPlace:
    """A place that events may name.

    Attributes:
        what: key of the event that has the name: a value of `PLACES`.
        name: of the zone, line or presence.
        sources: ids of the sources that it is in; () for all.
        classes: names of the classes that count; () for all.
    """

    what: str
    name: str
    sources: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def is_in(self, source_id: str) -> bool:
        """Whether it is a place of a source."""
        return not self.sources or source_id in self.sources


@dataclass(frozen=True, slots=True)
class Marking:
    """A zone or a line that sinks draw into the image.

    Attributes:
        shape: "zone": a closed polygon; "line": from the first point to the second, where what
            crosses to the right hand goes in.
        name: of the zone or line.
        xy: its points, source pixels.
        text: what to write at it: its counts.
        is_active: whether to make it stand out: something is in the zone, or has just crossed.
    """

    shape: Literal["zone", "line"]
    name: str
    xy: tuple[tuple[float, float], ...]
    text: str
    is_active: bool = False
