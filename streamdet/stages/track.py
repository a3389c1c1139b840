"""The stage of a tracker: one per source, its state committed with the frames it has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from streamdet.detections import UNTRACKED, Detections
from streamdet.stages import Job
from streamdet.stages.per_source import PerSource
from streamdet.trackers import Tracker
from streamdet.trackers.options import TrackerOptions


class TrackStage:
    """Tracks each source's frames in index order.

    A dropped frame counts as one without detections, so that the tracks age. Objects without a
    confirmed track come after those with one, with the id `UNTRACKED`. A still image is not
    tracked: its objects have no ids, as in a graph without a tracker.

    Args:
        make_tracker: makes the tracker of a new source.
        options: of the trackers; they say whether objects without a track are published.
    """

    def __init__(self, make_tracker: Callable[[], Tracker], options: TrackerOptions) -> None:
        self._trackers = PerSource(lambda source_id: make_tracker())
        self._publishes_untracked = options.untracked == "publish"
        self._untracked_thresh = options.untracked_thresh or 0.0

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Give each frame's objects their track ids: see stages.Stage."""
        return [self._track(job) for job in jobs]

    def _track(self, job: Job) -> Job:
        message = job.message
        found = message.detections or Detections.empty()
        if message.frame.is_still:
            tracked = found[found.scores >= self._untracked_thresh]
        else:
            tracked = self._followed(message.source_id, found)
        if job.is_dropped:
            return job
        return replace(job, message=replace(message, detections=tracked))

    def _followed(self, source_id: str, found: Detections) -> Detections:
        """Return a frame's tracks, then its objects without one."""
        tracker = self._trackers.changing(source_id)
        tracks = tracker.update(found)
        if not self._publishes_untracked:
            return tracks
        is_free = found.scores >= self._untracked_thresh
        is_free[tracker.rows] = False
        if not is_free.any():
            return tracks
        others = found[is_free]
        no_ids = np.full(len(others), UNTRACKED, np.int64)
        return tracks.with_others(replace(others, track_ids=no_ids))

    def finish(self, source_id: str) -> None:
        """Forget the source's tracker, here and in the committed states."""
        self._trackers.forget(source_id)

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Continue from the committed trackers: see stages.Stage."""
        self._trackers.restore(states)

    def states(self) -> dict[str, bytes]:
        """Snapshots of the trackers that were updated since the last call."""
        return self._trackers.states()

    def committed(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to release."""
