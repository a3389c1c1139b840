"""From when to when the clips of one source are, and of what: nothing of files or packets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import msgpack

from streamdet.detections import class_label
from streamdet.events import Event
from streamdet.messages import FrameMessage
from streamdet.sinks.objects_wanted import ObjectOptions, Sighting, Watch, Watched

_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ClipTimes:
    """How long clips are.

    Attributes:
        before_ns: of a clip before its event.
        after_ns: after it.
        longest_ns: of all of it.
    """

    before_ns: int
    after_ns: int
    longest_ns: int


@dataclass(slots=True)
class Clip:
    """One clip.

    Attributes:
        since_ns: where it begins, monotonic clock; names it in its source.
        until_ns: where it ends, as far as is known.
        objects: key -> (track, class id, label, best score), the first one first.
        kinds: of the events of analytics that it is of, the first one first.
    """

    since_ns: int
    until_ns: int
    objects: dict[int, tuple[int | None, int, str, float]] = field(default_factory=dict)
    kinds: dict[str, None] = field(default_factory=dict)

    def state(self) -> list[Any]:
        """Plain values; the inverse of `restored`."""
        return [self.since_ns, self.until_ns, list(self.objects.items()), list(self.kinds)]

    @classmethod
    def restored(cls, state: Sequence[Any]) -> Self:
        """Make what returned `state`."""
        since_ns, until_ns, objects, kinds = state
        kept = {key: tuple(values) for key, values in objects}
        return cls(since_ns, until_ns, kept, dict.fromkeys(kinds))


class SourceEvents:
    """Follows the events of one source.

    Args:
        options: which objects are events.
        times: how long clips are.
        kinds: of analytics' events; where there are any, these are the events, not the objects.

    Attributes:
        clip: the one that has begun; None between clips.
    """

    def __init__(
        self, options: ObjectOptions, times: ClipTimes, kinds: Collection[str] = ()
    ) -> None:
        self._times = times
        self._kinds = kinds
        self._options = options
        self._watched = Watched(options)
        self._clip_of: dict[int, int] = {}
        self.clip: Clip | None = None

    def update(self, message: FrameMessage, names: Sequence[str]) -> list[Clip]:
        """Take the next frame; returns the clips that are over.

        Args:
            message: the frame.
            names: of the classes.
        """
        now_ns = message.timings[0].start_ns
        over = self.close_before(now_ns - self._times.before_ns)
        self._watched.forget(now_ns / _S)
        self._clip_of = {k: v for k, v in self._clip_of.items() if k in self._watched.all}
        wanted = self._watched.update(message, names, now_ns / _S)
        for sighting, watch in () if self._kinds else wanted:
            over += self._see(sighting, watch, now_ns)
        for event in message.events:
            if event.kind in self._kinds and self._is_asked_for(event, names):
                over += self._notice(event, names, now_ns)
        return over

    def close_before(self, moment_ns: int) -> list[Clip]:
        """End the clip if nothing after a moment can belong to it; returns it."""
        if self.clip is None or self.clip.until_ns >= moment_ns:
            return []
        over, self.clip = self.clip, None
        return [over]

    def _see(self, sighting: Sighting, watch: Watch, now_ns: int) -> list[Clip]:
        """An object that is an event is there: its clip goes on."""
        over: list[Clip] = []
        if sighting.key not in self._clip_of:
            over = self._begin(round(watch.first_s * _S), now_ns)
            assert self.clip is not None
            self._clip_of[sighting.key] = self.clip.since_ns
        clip = self.clip
        if clip is not None and self._clip_of[sighting.key] == clip.since_ns:
            self._extend(clip, now_ns)
            clip.objects[sighting.key] = (watch.track, watch.class_id, watch.label, watch.score)
        return over

    def _notice(self, event: Event, names: Sequence[str], now_ns: int) -> list[Clip]:
        """Analytics have noticed an event."""
        over = self._begin(now_ns, now_ns)
        clip = self.clip
        assert clip is not None
        self._extend(clip, now_ns)
        clip.kinds[event.kind] = None
        if event.class_id is not None:
            label = class_label(names, event.class_id)
            key = -1 - event.class_id if event.track_id is None else event.track_id
            clip.objects[key] = (event.track_id, event.class_id, label, 0.0)
        return over

    def _is_asked_for(self, event: Event, names: Sequence[str]) -> bool:
        classes, zones = self._options.classes, self._options.zones
        label = None if event.class_id is None else class_label(names, event.class_id)
        return (not classes or label in classes) and (not zones or event.place in zones)

    def _begin(self, first_ns: int, now_ns: int) -> list[Clip]:
        """Have a clip for an event; the one that goes on, unless it would end before the event."""
        over: list[Clip] = []
        latest_ns = now_ns + self._times.after_ns - self._times.longest_ns
        if self.clip is not None and self.clip.since_ns < latest_ns:
            over, self.clip = [self.clip], None
        if self.clip is None:
            self.clip = Clip(first_ns - self._times.before_ns, now_ns)
        return over

    def _extend(self, clip: Clip, now_ns: int) -> None:
        latest_ns = clip.since_ns + self._times.longest_ns
        clip.until_ns = min(max(clip.until_ns, now_ns + self._times.after_ns), latest_ns)

    def state(self) -> bytes:
        """All that later frames depend on; b"" where nothing is remembered."""
        if not self._watched.all and self.clip is None:
            return b""
        clip = None if self.clip is None else self.clip.state()
        packed: bytes = msgpack.packb([self._watched.state(), list(self._clip_of.items()), clip])
        return packed

    def restore(self, state: bytes) -> None:
        """Go on as the one that returned `state` would."""
        watched, clip_of, clip = msgpack.unpackb(state)
        self._watched = Watched.restored(self._options, watched)
        self._clip_of = dict(clip_of)
        self.clip = None if clip is None else Clip.restored(clip)
