"""The stage of an analytics node: one object per source, its state committed with its frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from streamdet.analytics import Analytics, SeesImages
from streamdet.errors import EngineError, StalePixelsError
from streamdet.events import Event
from streamdet.formats.event_json import event_line
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.stages import Job
from streamdet.stages.per_source import PerSource
from streamdet.stages.pixels import PixelStore
from streamdet.transport.bus import PublicEntry, event_entry


@dataclass(frozen=True, slots=True)
class EventStream:
    """The public stream of a run's events.

    Attributes:
        key: of the stream.
        run_id: names the run.
        class_names: model name -> its class names.
    """

    key: str
    run_id: str
    class_names: Mapping[str, Sequence[str]]

    def entry(self, event: Event, message: FrameMessage) -> PublicEntry:
        """Make the entry of an event of a frame."""
        names = self.class_names.get(message.model or "", ())
        line = event_line(event, message, self.run_id, names)
        return event_entry(self.key, line)


class AnalyticsStage:
    """Runs the analytics on each source's frames in index order; dropped frames are handed on.

    What a node notices is published in the step that commits its state: a killed process loses and
    doubles no event.

    Args:
        node: the node's name.
        make: makes the analytics of a new source from its id.
        events: where events are published.
        pixels: the pools, for analytics that look at images.
    """

    def __init__(
        self,
        node: str,
        make: Callable[[str], Analytics],
        events: EventStream,
        pixels: PixelStore | None = None,
    ) -> None:
        self._node = node
        self._sources = PerSource(make)
        self._events = events
        self._pixels = pixels

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Update each frame's objects: see stages.Stage."""
        return [job if job.is_dropped else self._update(job) for job in jobs]

    def _update(self, job: Job) -> Job:
        message = job.message
        analytics = self._sources.changing(message.source_id)
        if isinstance(analytics, SeesImages):
            changed = analytics.look(message, self._image(job))
        else:
            changed = analytics.update(message)
        self._check(message, changed)
        had = len(message.events)
        new = tuple(self._completed(event, changed) for event in changed.events[had:])
        changed = replace(changed, events=message.events + new)
        public = tuple(self._events.entry(event, changed) for event in new)
        return replace(job, message=changed, public=public)

    def _completed(self, event: Event, message: FrameMessage) -> Event:
        """Add the node that noticed an event, and what is known of its object so far."""
        found = message.detections
        if event.track_id is not None and found is not None and found.attributes is not None:
            for track, attributes in zip(found.tracks(), found.attributes, strict=True):
                if track == event.track_id and attributes:
                    more = {**event.more, "attributes": dict(attributes)}
                    return replace(event, node=self._node, more=more)
        return replace(event, node=self._node)

    def _image(self, job: Job) -> Image | None:
        try:
            return None if self._pixels is None else self._pixels.image(job)
        except StalePixelsError:
            return None  # the slot was reused: the objects are seen without it

    def _check(self, message: FrameMessage, changed: FrameMessage) -> None:
        had = len(message.events)
        if _rest(changed) != _rest(message) or changed.events[:had] != message.events:
            raise EngineError(
                f"{self._node}: update must return the frame that it got, with only its detections"
                " and crops changed and events and markings added:"
                f" {message.source_id} frame {message.index}"
            )

    def finish(self, source_id: str) -> None:
        """Forget the source's analytics, here and in the committed states."""
        self._sources.forget(source_id)

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Continue from the committed states: see stages.Stage."""
        self._sources.restore(states)

    def states(self) -> dict[str, bytes]:
        """Snapshots of those that were updated since the last call."""
        return self._sources.states()

    def committed(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to release."""


def _rest(message: FrameMessage) -> FrameMessage:
    """A message without what analytics may change."""
    return replace(message, detections=None, events=(), markings=(), crops=None)
