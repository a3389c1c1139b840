"""Makes a file's tracks better once all of its frames are known (see trackers/offline)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from streamdet.detections import Detections
from streamdet.messages import FrameMessage
from streamdet.stages import Job, Stage
from streamdet.trackers.offline import OfflineOptions, refined
from streamdet.trackers.offline.frames import better_frame
from streamdet.trackers.offline.track_rows import TrackRows


class OfflineTracks:
    """Replaces each frame's tracks by the better ones.

    Args:
        messages: the file's frames, numbered from 0, before the stages.
        stages: up to the tracker; they see all frames, and are used up.
        options: what is done.
    """

    def __init__(
        self, messages: Iterable[FrameMessage], stages: Sequence[Stage], options: OfflineOptions
    ) -> None:
        rows = TrackRows.of_frames(_tracked(messages, stages))
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


def _tracked(
    messages: Iterable[FrameMessage], stages: Sequence[Stage]
) -> Iterator[Detections | None]:
    for message in messages:
        jobs = [Job(message)]
        for stage in stages:
            jobs = stage.process(jobs)
        yield None if jobs[0].is_dropped else jobs[0].message.detections
