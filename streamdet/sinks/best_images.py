"""What a snapshot sink knows of a source: its objects, and the best image of each track so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, Final

import msgpack

from streamdet.sinks.objects_wanted import ObjectOptions, Watch, Watched

LOST_S: Final = 2.0
"""A track that was not seen for this long has ended."""


@dataclass(frozen=True, slots=True)
class BestImage:
    """The best image of a track so far.

    Attributes:
        track: the number of the track.
        class_id: its class, from 0.
        label: the name of its class.
        score: in this frame.
        xyxy: in this frame, pixels.
        rank: see track_images.rank.
        frame_id: of the frame.
        captured_ns: when that was taken, wall clock.
    """

    track: int
    class_id: int
    label: str
    score: float
    xyxy: tuple[float, ...]
    rank: tuple[bool, float]
    frame_id: int
    captured_ns: int

    @classmethod
    def restored(cls, values: Sequence[Any]) -> BestImage:
        """The inverse of `dataclasses.astuple`, after MessagePack has made lists of tuples."""
        plain: list[Any] = [tuple(each) if isinstance(each, list) else each for each in values]
        return cls(*plain)


@dataclass(slots=True)
class SourceTracks:
    """What is known of one source.

    Attributes:
        watched: its objects.
        best: track -> its best image; of tracks that are recorded no more.
        recorded: the tracks that have had their file.
        now_s: when its last frame was taken, seconds; see frame_times.taken_s.
    """

    watched: Watched
    best: dict[int, BestImage] = field(default_factory=dict)
    recorded: set[int] = field(default_factory=set)
    now_s: float = 0.0

    def state(self) -> bytes:
        """All that later frames depend on; b"" where nothing is remembered."""
        if not self.watched.all:
            return b""
        best = [astuple(each) for each in self.best.values()]
        packed: bytes = msgpack.packb(
            [self.watched.state(), best, sorted(self.recorded), self.now_s]
        )
        return packed

    @classmethod
    def restored(cls, options: ObjectOptions, state: bytes) -> SourceTracks:
        """Go on as the one that returned `state` would."""
        watched, best, recorded, now_s = msgpack.unpackb(state)
        found = (BestImage.restored(values) for values in best)
        kept = {each.track: each for each in found}
        return cls(Watched.restored(options, watched), kept, set(recorded), now_s)

    def over(self, longest_s: float, now_s: float) -> list[BestImage]:
        """Take the best images of tracks that have ended by now, or last for so long."""
        over = []
        for track in list(self.best):
            watch = self.watched.all.get(track)  # None: it was not seen for very long
            if watch is None or _is_over(watch, longest_s, now_s):
                over.append(self.best.pop(track))
        self.recorded |= {each.track for each in over}
        self.recorded &= self.watched.all.keys()
        return over


def _is_over(watch: Watch, longest_s: float, now_s: float) -> bool:
    return now_s - watch.last_s > LOST_S or now_s - watch.first_s >= longest_s
