"""Who may send the next frame, where cameras share a detector that cannot take all they send.

Max-min fairness: no camera gets more than another that would have taken more itself. A camera
below its fair share loses nothing; the others get the same number of frames each, whatever their
rates. It is start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) of frames, not of bytes,
with a window:

- Each camera has a tag, which rises by 1 with each frame that goes on. The share has a time, on the
  same scale. A frame goes on if its camera's tag is not above the time. Who has not asked for its
  turns keeps one of them: a tag that is more than 1 below the time is raised by whole turns. What
  is behind the point of a tag is the camera's own, so that they are called up one by one.
- While there is room in the window, the time rises to the lowest tag of the cameras that wait: they
  have asked and were refused, less than their patience ago. Whoever is called up by that takes its
  turn with its next frame, the newest it can have; the room is kept for it. The time does not rise
  more than 1 above a camera that waits: one that meets no free slot holds the others back.
- The window is the number of frames under way. It grows while they are through (in every sink)
  earlier than wanted, and shrinks while they are later, so that it follows what the machine does.

turn.lua does the same in Redis, in one call; tests hold the two against each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

Answer = Literal["go", "own", "others"]
"""Go on; or not: enough frames of this camera are under way; it is the turn of others."""

MANY_SLOTS: Final = 1000
"""Where images need no slots, this many frames may be under way."""
SPREAD: Final = 0.6180339887498949
"""The golden ratio: its multiples are far apart behind the point, however many there are."""
GAIN: Final = 0.5
"""How far the window moves for a frame that is through at once, or in twice the wanted time."""
STEEPEST: Final = 4.0
"""Frames later than this many times the wanted time say no more than such a one."""
LOST_MS: Final = 2000.0
"""A frame that was let go on and has not been committed after this time never will be."""


@dataclass(frozen=True, slots=True)
class Share:
    """What cameras share.

    Attributes:
        name: names it in the run.
        slots: most frames under way: there are no more slots for images.
        least: the smallest window: with fewer frames under way the detector would pause.
    """

    name: str = "all"
    slots: int = MANY_SLOTS
    least: int = 2

    @property
    def first(self) -> float:
        """The window to begin with."""
        return max(self.least, 0.75 * self.slots)

    @property
    def widest(self) -> float:
        """The largest window; more than slots, as room is kept for frames that are to come."""
        return max(self.least, 4.0 * self.slots)


@dataclass(frozen=True, slots=True)
class Turn:
    """A camera's question whether its next frame may go on.

    Attributes:
        source_id: the camera.
        index: of the frame.
        most: most frames of this camera under way.
        wanted_ms: how long after that its frames should be through.
        patience_ms: when it asks again at the latest.
        now_ms: monotonic clock of this machine.
    """

    source_id: str
    index: int
    most: int
    wanted_ms: float
    patience_ms: float
    now_ms: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a camera's frames are.

    Attributes:
        emitted: frames that it has committed.
        through: frames that every sink has committed.
    """

    emitted: int
    through: int


@dataclass
class Turns:
    """The cameras of one share.

    Args:
        share: what they share.
        progress: tells how far a camera's frames are.
    """

    share: Share
    progress: Callable[[str], Progress]
    time: float = 0.0
    seen_ms: float = 0.0
    tags: dict[str, float] = field(default_factory=dict)
    wanted_ms: dict[str, float] = field(default_factory=dict)
    waits_until_ms: dict[str, float] = field(default_factory=dict)
    under_way: dict[tuple[str, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with a wide window."""
        self.window = self.share.first

    def ask(self, turn: Turn) -> Answer:
        """Answer a camera."""
        self.wanted_ms[turn.source_id] = turn.wanted_ms
        self._settle(turn.now_ms)
        own = sum(source_id == turn.source_id for source_id, _ in self.under_way)
        if own >= turn.most:
            self.waits_until_ms.pop(turn.source_id, None)
            return "own"
        tag = self.tags.get(turn.source_id, len(self.tags) * SPREAD % 1)
        if self.waits_until_ms.get(turn.source_id, 0) < turn.now_ms:
            tag += max(0, math.ceil(self.time - 1 - tag))
        self.tags[turn.source_id] = tag
        self.waits_until_ms[turn.source_id] = turn.now_ms + turn.patience_ms
        self._call_up(turn)
        if tag > self.time or len(self.under_way) >= self.share.slots:
            return "others"
        self.tags[turn.source_id] = tag + 1
        del self.waits_until_ms[turn.source_id]
        self.under_way[turn.source_id, turn.index] = turn.now_ms
        return "go"

    def _settle(self, now_ms: float) -> None:
        """Take frames that are through off those under way, and let them move the window.

        Exactly when a frame was through is not known, only that it was not when last asked.
        """
        for (source_id, index), since_ms in list(self.under_way.items()):
            progress = self.progress(source_id)
            is_through = index < progress.through
            if is_through:
                shortest_ms = max(0.0, self.seen_ms - since_ms)
                self._move_window(shortest_ms, now_ms - since_ms, self.wanted_ms[source_id])
            if is_through or (index >= progress.emitted and now_ms - since_ms > LOST_MS):
                del self.under_way[source_id, index]
        self.seen_ms = now_ms

    def _move_window(self, shortest_ms: float, longest_ms: float, wanted_ms: float) -> None:
        by = 0.0
        if shortest_ms > wanted_ms:
            by = -min(STEEPEST, shortest_ms / wanted_ms - 1)
        elif longest_ms < wanted_ms:
            by = 1 - longest_ms / wanted_ms
        self.window = min(self.share.widest, max(self.share.least, self.window + GAIN * by))

    def _call_up(self, turn: Turn) -> None:
        room = self.window - len(self.under_way)
        if room < 1:
            return
        for source_id, until_ms in list(self.waits_until_ms.items()):
            if until_ms < turn.now_ms:
                del self.waits_until_ms[source_id]
        waiting = sorted((self.tags[source_id], source_id) for source_id in self.waits_until_ms)
        for tag, source_id in waiting:
            if tag > self.time:
                if room < 1 or tag > waiting[0][0] + 1:
                    return
                self.time = tag
            if source_id == turn.source_id:
                return
            room -= 1
