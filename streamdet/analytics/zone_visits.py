"""Who is in one zone: visits begin, last and end; the arithmetic of `zones` without its geometry.

Note "hold": an object is in the zone, or out of it, when `hold_frames` frames in a row say so, so
that an object which flickers at the border makes no events. Times are those of the first of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from streamdet.analytics.sightings import Flags, Sightings
from streamdet.events import Event


@dataclass(frozen=True, slots=True)
class ZoneRules:
    """When a zone makes events.

    Attributes:
        name: of the zone.
        hold_frames: see note "hold".
        lost_s: an object of the zone that has not been seen for so long has left it.
        dwell_s: a visit of this length makes an event; None for none.
        max_inside: more objects than this make an event; None for none.
    """

    name: str
    hold_frames: int
    lost_s: float
    dwell_s: float | None
    max_inside: int | None


@dataclass(slots=True)
class Visit:
    """An object that is in the zone, or has just been at its border.

    Attributes:
        class_id: its class.
        seen_s: when it was last seen.
        is_inside: whether it counts as inside.
        has_dwelt: whether the event of its dwelling was made.
        since_s: when it came in.
        turned: for how many frames it has been on the other side of the border.
        turned_s: when that began.
    """

    class_id: int = 0
    seen_s: float = 0.0
    is_inside: bool = False
    has_dwelt: bool = False
    since_s: float = 0.0
    turned: int = 0
    turned_s: float = 0.0

    def turns(self, is_within: bool, now_s: float, hold_frames: int) -> bool:
        """Note where the object stands; returns whether it is to change sides (note "hold")."""
        if is_within == self.is_inside:
            self.turned = 0
            return False
        if self.turned == 0:
            self.turned_s = now_s
        self.turned += 1
        if self.turned < hold_frames:
            return False
        self.turned = 0
        return True


_values = attrgetter(*(each.name for each in fields(Visit)))  # astuple copies deeply, and is slow


@dataclass(slots=True)
class ZoneVisits:
    """The visits of one zone of one source; deterministic.

    Attributes:
        rules: when to make events.
        visits: track id -> its visit.
        entered: how many have come in.
        exited: how many have left.
        is_crowded: whether there are more than `max_inside`.
        crowd_turned: for how many frames that has been otherwise.
        inside: how many are inside, those without a track included.
    """

    rules: ZoneRules
    visits: dict[int, Visit] = field(default_factory=dict)
    entered: int = 0
    exited: int = 0
    is_crowded: bool = False
    crowd_turned: int = 0
    inside: int = 0

    def update(self, seen: Sightings, is_within: Flags) -> Iterator[Event]:
        """Take the next frame.

        Args:
            seen: its objects.
            is_within: (N,), which of them stand in the zone and are of its classes.

        Yields:
            What happened, in a fixed order.
        """
        events: list[dict[str, Any]] = []
        within: list[bool] = is_within.tolist()
        for row, track_id in seen.tracked():
            if within[row] or track_id in self.visits:
                events += self._follow(row, track_id, seen, within[row])
        events += self._lose(seen.now_s)
        without = sum(within[row] for row, track in enumerate(seen.tracks) if track is None)
        self.inside = without + sum(visit.is_inside for visit in self.visits.values())
        yield from map(self._event, events)
        yield from self._crowd()

    def counts(self) -> dict[str, int]:
        """What is counted, after the frame."""
        return {"inside": self.inside, "entered": self.entered, "exited": self.exited}

    def _event(self, values: dict[str, Any]) -> Event:
        more = {**values.pop("more", {}), "inside": self._classes_inside()}
        return Event(**values, place=self.rules.name, counts=self.counts(), more=more)

    def _classes_inside(self) -> list[tuple[int, int]]:
        """List (class id, how many tracks of it are inside), after the frame."""
        inside = (visit.class_id for visit in self.visits.values() if visit.is_inside)
        return sorted(Counter(inside).items())

    def is_inside(self, track_id: int) -> bool:
        """Whether an object counts as inside."""
        visit = self.visits.get(track_id)
        return visit is not None and visit.is_inside

    def _follow(
        self, row: int, track_id: int, seen: Sightings, is_within: bool
    ) -> Iterator[dict[str, Any]]:
        """Go on with an object's visit; yields the fields of its events."""
        visit = self.visits.setdefault(track_id, Visit())
        visit.class_id, visit.seen_s = seen.class_ids[row], seen.now_s
        if visit.turns(is_within, seen.now_s, self.rules.hold_frames):
            event = self._flipped(track_id, "left")
        elif not visit.is_inside and not is_within:
            del self.visits[track_id]
            return
        elif is_within and self._has_dwelt(visit, seen.now_s):
            event = {
                "kind": "zone_dwell",
                "more": {"dwell_s": round(seen.now_s - visit.since_s, 3)},
            }
        else:
            return
        yield event | {"track_id": track_id, "class_id": visit.class_id, "xyxy": seen.box(row)}

    def _flipped(self, track_id: int, reason: str) -> dict[str, Any]:
        """Let an object in or out; returns the event."""
        visit = self.visits[track_id]
        if not visit.is_inside:
            self.entered += 1
            visit.is_inside, visit.since_s = True, visit.turned_s
            return {"kind": "zone_enter"}
        self.exited += 1
        del self.visits[track_id]
        dwell_s = round(visit.turned_s - visit.since_s, 3)
        return {"kind": "zone_exit", "more": {"dwell_s": dwell_s, "reason": reason}}

    def _has_dwelt(self, visit: Visit, now_s: float) -> bool:
        """Whether a visit has just become a long one."""
        dwell_s = self.rules.dwell_s
        if dwell_s is None or not visit.is_inside or visit.has_dwelt:
            return False
        visit.has_dwelt = now_s - visit.since_s >= dwell_s
        return visit.has_dwelt

    def _lose(self, now_s: float) -> Iterator[dict[str, Any]]:
        """End the visits of objects that have not been seen for long."""
        for track_id, visit in list(self.visits.items()):
            if now_s - visit.seen_s <= self.rules.lost_s:
                continue
            if not visit.is_inside:
                del self.visits[track_id]
                continue
            visit.turned_s = visit.seen_s
            of_object = {"track_id": track_id, "class_id": visit.class_id}
            yield of_object | self._flipped(track_id, "lost")

    def _crowd(self) -> Iterator[Event]:
        most = self.rules.max_inside
        if most is None:
            return
        self.crowd_turned = 0 if self.is_crowded == (self.inside > most) else self.crowd_turned + 1
        if self.crowd_turned >= self.rules.hold_frames:
            self.is_crowded, self.crowd_turned = not self.is_crowded, 0
            kind = "zone_crowded" if self.is_crowded else "zone_cleared"
            yield self._event({"kind": kind})

    def state(self) -> list[Any]:
        """All that later updates depend on; the inverse of `restore`."""
        visits = [(track_id, *_values(visit)) for track_id, visit in self.visits.items()]
        return [visits, self.entered, self.exited, self.is_crowded, self.crowd_turned, self.inside]

    def restore(self, state: list[Any]) -> None:
        """Go on as the one that returned `state` would."""
        visits, self.entered, self.exited, self.is_crowded, self.crowd_turned, self.inside = state
        self.visits = {track_id: Visit(*values) for track_id, *values in visits}
