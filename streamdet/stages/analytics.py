"""The stage of a kind of analytics: one per source, its state committed with its frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from streamdet.analytics import Analytics
from streamdet.errors import EngineError
from streamdet.stages import Job
from streamdet.stages.per_source import PerSource


class AnalyticsStage:
    """Has each source's frames looked at in index order; those that are dropped pass by.

    Args:
        node: the node's name, for errors.
        make: makes the analytics of a new source, by its id.
    """

    def __init__(self, node: str, make: Callable[[str], Analytics]) -> None:
        self._node = node
        self._sources = PerSource(make)

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Have each frame's objects changed: see stages.Stage."""
        return [job if job.is_dropped else self._update(job) for job in jobs]

    def _update(self, job: Job) -> Job:
        message = job.message
        changed = self._sources.changing(message.source_id).update(message)
        if replace(changed, detections=None) != replace(message, detections=None):
            raise EngineError(
                f"{self._node}: update must return the frame that it got, changed in nothing but"
                f" its detections: {message.source_id} frame {message.index}"
            )
        return replace(job, message=changed)

    def finish(self, source_id: str) -> None:
        """Forget the source's analytics, here and in what is committed."""
        self._sources.forget(source_id)

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Go on from the committed states: see stages.Stage."""
        self._sources.restore(states)

    def states(self) -> dict[str, bytes]:
        """Snapshots of those that have seen frames since the last call."""
        return self._sources.states()

    def committed(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to release."""
