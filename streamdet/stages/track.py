"""The stage of a tracker: one per source, its state committed with the frames it has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from streamdet.detections import Detections
from streamdet.stages import Job
from streamdet.trackers import Tracker


class TrackStage:
    """Tracks each source's frames in index order.

    A dropped frame counts as one without detections, so that time goes on for the tracks.

    Args:
        make_tracker: makes the tracker of a new source.
    """

    def __init__(self, make_tracker: Callable[[], Tracker]) -> None:
        self._make_tracker = make_tracker
        self._trackers: dict[str, Tracker] = {}
        self._changed: set[str] = set()

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Give each frame's objects their track ids: see stages.Stage."""
        return [self._track(job) for job in jobs]

    def _track(self, job: Job) -> Job:
        message = job.message
        tracked = self._tracker(message.source_id).update(message.detections or Detections.empty())
        self._changed.add(message.source_id)
        if job.is_dropped:
            return job
        return replace(job, message=replace(message, detections=tracked))

    def finish(self, source_id: str) -> None:
        """Forget the source's tracker, here and in what is committed."""
        self._trackers.pop(source_id, None)
        self._changed.add(source_id)

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Go on from the committed trackers: see stages.Stage."""
        self._trackers.clear()
        self._changed.clear()
        for source_id, state in states.items():
            self._tracker(source_id).restore(state)

    def states(self) -> dict[str, bytes]:
        """Snapshots of the trackers that have seen frames since the last call."""
        states = {source_id: self._state(source_id) for source_id in self._changed}
        self._changed.clear()
        return states

    def _state(self, source_id: str) -> bytes:
        tracker = self._trackers.get(source_id)
        return b"" if tracker is None else tracker.state()

    def committed(self) -> None:
        """Nothing waits for it."""

    def close(self) -> None:
        """Nothing to let go of."""

    def _tracker(self, source_id: str) -> Tracker:
        if source_id not in self._trackers:
            self._trackers[source_id] = self._make_tracker()
        return self._trackers[source_id]
