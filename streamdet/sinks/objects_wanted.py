"""Which objects a clip or a snapshot is made of: options, and how long each has been seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from pydantic import Field

from streamdet.config.options import Options
from streamdet.detections import class_label
from streamdet.messages import FrameMessage

FORGET_S: Final = 60.0
"""A track that was not seen for this long does not come back: trackers end it sooner."""
GAP_S: Final = 2.0
"""Without a tracker: after so long without an object of a class, the next one is another."""


class ObjectOptions(Options):
    """Options of sinks that are about some objects."""

    classes: tuple[str, ...] = Field((), description="Names of classes; by default all.")
    min_score: float = Field(0.0, ge=0, le=1, description="Least best score of the object.")
    min_duration_s: float = Field(
        0.0, ge=0, le=600, description="Seconds for which the object must be there."
    )
    zones: tuple[str, ...] = Field(
        (), description="Names of zones; the object must be in one of them. By default anywhere."
    )


@dataclass(frozen=True, slots=True)
class Sighting:
    """An object in a frame.

    Attributes:
        row: its place among the frame's objects.
        key: names it in its source: the number of its track; without a tracker that of its class,
            below 0.
        track: the number of its track; None without a tracker.
        class_id: its class, from 0.
        label: the name of its class.
        score: 0..1.
    """

    row: int
    key: int
    track: int | None
    class_id: int
    label: str
    score: float


@dataclass(slots=True)
class Watch:
    """What is known of one object.

    Attributes:
        label: the name of its class.
        class_id: its class, from 0.
        track: the number of its track; None without a tracker.
        first_s: when it was first seen where it is wanted.
        last_s: when it was last seen so.
        score: its best score.
        is_wanted: whether it meets what the options ask for.
    """

    label: str
    class_id: int
    track: int | None
    first_s: float
    last_s: float
    score: float = 0.0
    is_wanted: bool = False


@dataclass(slots=True)
class Watched:
    """The objects of one source that may be wanted.

    Attributes:
        options: what is asked for.
        all: key -> object.
    """

    options: ObjectOptions
    all: dict[int, Watch] = field(default_factory=dict)

    def update(
        self, message: FrameMessage, names: Sequence[str], now_s: float
    ) -> list[tuple[Sighting, Watch]]:
        """Take the next frame; returns those of its objects that are wanted, and what is known.

        Args:
            message: the frame; a dropped one has no objects.
            names: of the classes.
            now_s: when the frame was taken, on a clock that never goes back.
        """
        self.forget(now_s)
        seen = [(each, self._see(each, now_s)) for each in self._sightings(message, names)]
        return [(sighting, watch) for sighting, watch in seen if watch.is_wanted]

    def forget(self, now_s: float) -> None:
        """Forget the objects that will not come back; `update` does so, too."""
        self.all = {k: watch for k, watch in self.all.items() if not _is_gone(watch, now_s)}

    def _see(self, sighting: Sighting, now_s: float) -> Watch:
        watch = self.all.setdefault(
            sighting.key,
            Watch(sighting.label, sighting.class_id, sighting.track, now_s, now_s),
        )
        watch.last_s = now_s
        watch.score = max(watch.score, sighting.score)
        lasts = now_s - watch.first_s >= self.options.min_duration_s
        watch.is_wanted |= lasts and watch.score >= self.options.min_score
        return watch

    def _sightings(self, message: FrameMessage, names: Sequence[str]) -> Iterator[Sighting]:
        found = message.detections
        if found is None or message.drop_reason is not None:
            return
        for row, (track, class_id) in enumerate(
            zip(found.tracks(), found.class_ids.tolist(), strict=True)
        ):
            label = class_label(names, class_id)
            if found.track_ids is not None and track is None:
                continue  # no tracker's object: it may be noise
            if self._is_asked_for(label, zones_of(message, row)):
                key = -1 - class_id if track is None else track
                yield Sighting(row, key, track, class_id, label, float(found.scores[row]))

    def _is_asked_for(self, label: str, zones: Sequence[str]) -> bool:
        classes, wanted = self.options.classes, self.options.zones
        return (not classes or label in classes) and (not wanted or any(z in wanted for z in zones))

    def state(self) -> list[Any]:
        """Plain values; the inverse of `restored`."""
        return [(key, *(getattr(w, n) for n in Watch.__slots__)) for key, w in self.all.items()]

    @classmethod
    def restored(cls, options: ObjectOptions, state: Sequence[Any]) -> Self:
        """Go on as the one that returned `state` would."""
        return cls(options, {key: Watch(*values) for key, *values in state})


def _is_gone(watch: Watch, now_s: float) -> bool:
    return now_s - watch.last_s > (GAP_S if watch.track is None else FORGET_S)


def zones_of(message: FrameMessage, row: int) -> Sequence[str]:
    """Names of the zones that an object is in."""
    found = message.detections
    return () if found is None or found.zones is None else found.zones[row]
