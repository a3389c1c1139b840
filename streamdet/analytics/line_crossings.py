"""Who crosses one line; the arithmetic of `lines` without its options.

An object has crossed when its way, from its last point on one side to its first on the other, meets
the line, and the next `hold_frames` frames in a row (the first among them) show it on the other
side: an object that flickers at the line crosses once or not at all. Who walks round an end of the
line does not cross it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.analytics.sightings import Flags, Sightings
from streamdet.events import Event

XY = npt.NDArray[np.float64]


@dataclass(slots=True)
class Walker:
    """An object that is followed.

    Attributes:
        side: 1 on the right hand of who looks from the line's first point to its second, -1 left.
        x: of its last point on that side, pixels.
        y: of the same.
        seen_s: when it was last seen.
        turned: for how many frames it has been on the other side.
        is_crossing: whether its way there met the line.
    """

    side: int
    x: float
    y: float
    seen_s: float
    turned: int = 0
    is_crossing: bool = False


_values = attrgetter(*(each.name for each in fields(Walker)))  # astuple copies deeply, and is slow


@dataclass(slots=True)
class LineCrossings:
    """The crossings of one line of one source; deterministic.

    Attributes:
        name: of the line.
        hold_frames: see the module.
        lost_s: an object that has not been seen for so long is forgotten.
        walkers: track id -> object.
        went_in: how many have crossed to the right hand.
        went_out: how many have crossed to the left hand.
    """

    name: str
    hold_frames: int
    lost_s: float
    walkers: dict[int, Walker] = field(default_factory=dict)
    went_in: int = 0
    went_out: int = 0

    def update(self, seen: Sightings, is_counted: Flags, xy: XY, ends: XY) -> Iterator[Event]:
        """Take the next frame.

        Args:
            seen: its objects.
            is_counted: (N,), which of them are of the line's classes.
            xy: (N, 2), where they are, pixels.
            ends: (2, 2), the line's points, pixels.

        Yields:
            The crossings, in the order of the objects.
        """
        turns = _turn(ends[0], ends[1], xy)
        sides = ((turns > 0).astype(int) - (turns < 0)).tolist()
        for row, track_id in seen.tracked():
            side = sides[row] if is_counted[row] else 0
            if side and self._crosses(track_id, side, xy[row], ends, seen.now_s):
                yield self._count(row, track_id, seen)
        gone = [t for t, one in self.walkers.items() if seen.now_s - one.seen_s > self.lost_s]
        for track_id in gone:
            del self.walkers[track_id]

    def counts(self) -> dict[str, int]:
        """What is counted."""
        return {"in": self.went_in, "out": self.went_out}

    def _crosses(self, track_id: int, side: int, xy: XY, ends: XY, now_s: float) -> bool:
        """Follow an object; returns whether this frame makes it have crossed."""
        x, y = xy.tolist()
        walker = self.walkers.setdefault(track_id, Walker(side, x, y, now_s))
        walker.seen_s = now_s
        if side == walker.side:
            walker.x, walker.y, walker.turned = x, y, 0
            return False
        if walker.turned == 0:
            walker.is_crossing = _meets(np.array([[walker.x, walker.y], [x, y]]), ends)
        walker.turned += 1
        if walker.turned < self.hold_frames:
            return False
        walker.side, walker.x, walker.y, walker.turned = side, x, y, 0
        return walker.is_crossing

    def _count(self, row: int, track_id: int, seen: Sightings) -> Event:
        is_in = self.walkers[track_id].side > 0
        self.went_in += is_in
        self.went_out += not is_in
        return Event(
            "line_crossed",
            self.name,
            track_id,
            seen.class_ids[row],
            seen.box(row),
            self.counts(),
            {"direction": "in" if is_in else "out"},
        )

    def state(self) -> list[Any]:
        """All that later updates depend on; the inverse of `restore`."""
        walkers = [(track_id, *_values(walker)) for track_id, walker in self.walkers.items()]
        return [walkers, self.went_in, self.went_out]

    def restore(self, state: list[Any]) -> None:
        """Go on as the one that returned `state` would."""
        walkers, self.went_in, self.went_out = state
        self.walkers = {track_id: Walker(*values) for track_id, *values in walkers}


def _turn(start: XY, end: XY, xy: XY) -> npt.NDArray[np.float64]:
    """Say on which hand of a line points (..., 2) lie: above 0 right, as the image is seen."""
    along, away = end - start, xy - start
    return np.asarray(along[0] * away[..., 1] - along[1] * away[..., 0], np.float64)


def _meets(way: XY, ends: XY) -> bool:
    """Whether a way, whose ends lie on different sides of a line, meets the part between its ends.

    Touching an end counts.
    """
    sides = np.sign(_turn(way[0], way[1], ends))
    return bool(sides[0] * sides[1] <= 0)
