"""A row of each table of the records; times are UTC texts (RFC 3339), which sort as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from streamdet.events import PLACES

_TIMES: Final = ("at", "starts_at", "captured_at")
"""Keys of events that say when it happened; an event has one of them."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event.

    Attributes:
        id: of the event; the same if it comes again.
        at: when it happened.
        until: when it ended, of a clip; None of the others.
        event: what happened: zone_enter, camera ...
        source_id: where; None of an event of no single source.
        run: names the run.
        label: class of the object, of a clip that of its first; None without one.
        track: number of the object in its source and run; None without one.
        place: name of the zone, line or presence; None without one.
        path: the file that was written, of a clip or snapshot; None of the others.
        body: the whole event as JSON.
    """

    id: str
    at: str
    until: str | None
    event: str
    source_id: str | None
    run: str
    label: str | None
    track: int | None
    place: str | None
    path: str | None
    body: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """Make the row of a published event.

        Raises:
            KeyError: it is no event of "streamdet-event/1".
        """
        objects: Sequence[Mapping[str, Any]] = event.get("objects") or ({},)
        whom = event if "label" in event else objects[0]
        place = next((event[key] for key in PLACES.values() if event.get(key)), None)
        return cls(
            id=event["id"],
            at=next(event[key] for key in _TIMES if key in event),
            until=event.get("ends_at"),
            event=event["event"],
            source_id=event.get("source_id"),
            run=event["run"],
            label=whom.get("label"),
            track=whom.get("track"),
            place=place,
            path=event.get("path"),
            body=json.dumps(event, ensure_ascii=False, separators=(",", ":")),
        )

    @property
    def day(self) -> str:
        """The day whose file has the row."""
        return self.at[:10]


@dataclass(frozen=True, slots=True)
class TrackRow:
    """A track: an object from when it was first seen until it was last seen.

    Attributes:
        id: of the track alone.
        began_at: when it was first seen.
        ended_at: when it was last seen, so far.
        is_over: whether it has ended.
        source_id: names the source.
        run: names the run.
        label: class of the object.
        track: its number in its source and run.
        frames: in how many frames it was seen.
        confidence: its best score, 0..1.
        zones: JSON list of the zones it was in, in order.
        began_pts_s: place of its first frame in the source, seconds; None where unknown.
        ended_pts_s: of its last frame.
        attributes: JSON object of what else is known of the object, as it was said last.
    """

    id: str
    began_at: str
    ended_at: str
    is_over: bool
    source_id: str
    run: str
    label: str
    track: int
    frames: int
    confidence: float
    zones: str
    began_pts_s: float | None
    ended_pts_s: float | None
    attributes: str = "{}"

    @property
    def day(self) -> str:
        """The day whose file has the row."""
        return self.began_at[:10]


Row = EventRow | TrackRow
