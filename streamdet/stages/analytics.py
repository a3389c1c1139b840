"""The stage of an analytics node: one object per source, its state committed with its frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from streamdet.analytics import Analytics
from streamdet.errors import EngineError
from streamdet.stages import Job
from streamdet.stages.per_source import PerSource


class AnalyticsStage:
    """Runs the analytics on each source's frames in index order; dropped frames are handed on.

    Args:
        node: the node's name, for errors.
        make: makes the analytics of a new source from its id.
    """

    def __init__(self, node: str, make: Callable[[str], Analytics]) -> None:
        self._node = node
        self._sources = PerSource(make)

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Update each frame's objects: see stages.Stage."""
        return [job if job.is_dropped else self._update(job) for job in jobs]

    def _update(self, job: Job) -> Job:
        message = job.message
        changed = self._sources.changing(message.source_id).update(message)
        if replace(changed, detections=None) != replace(message, detections=None):
            raise EngineError(
                f"{self._node}: update must return the frame that it got, with only its"
                f" detections changed: {message.source_id} frame {message.index}"
            )
        return replace(job, message=changed)

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
