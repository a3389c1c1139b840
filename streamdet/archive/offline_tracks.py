"""Makes a file's tracks better once all of its frames are known (see trackers/offline)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from streamdet.detections import Detections
from streamdet.stages import Job, Stage
from streamdet.trackers.offline import OfflineOptions, refined
from streamdet.trackers.offline.frames import better_frame
from streamdet.trackers.offline.track_rows import TrackRows


class OfflineTracks:
    """Replaces each frame's tracks by the better ones.

    Args:
        jobs: the file's frames, numbered from 0.
        tracker: sees all of them, and is used up.
        options: what is done.
    """

    def __init__(self, jobs: Iterable[Job], tracker: Stage, options: OfflineOptions) -> None:
        rows = TrackRows.of_frames(_tracked(jobs, tracker))
        self._tracks = refined(rows, options)

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Give each frame its better tracks; a dropped one stays as it is."""
        return [self._better(job) for job in jobs]

    def _better(self, job: Job) -> Job:
        message = job.message
        if job.is_dropped or message.detections is None:
            return job
        better = better_frame(message.detections, self._tracks, message.index)
        return replace(job, message=replace(message, detections=better))

    def finish(self, source_id: str) -> None:
        """Nothing to do."""

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Nothing to do: a file is joined in one piece."""

    def states(self) -> dict[str, bytes]:
        """No states."""
        return {}

    def committed(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to release."""


def _tracked(jobs: Iterable[Job], tracker: Stage) -> Iterator[Detections | None]:
    for job in jobs:
        (done,) = tracker.process([job])
        yield None if done.is_dropped else done.message.detections
