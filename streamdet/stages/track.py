"""The stage of a tracker: one per source, its state committed with the frames it has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, cast

from streamdet.detections import Detections
from streamdet.errors import StalePixelsError
from streamdet.image import Image
from streamdet.models.model_config import Hw
from streamdet.stages import Job
from streamdet.stages.per_source import PerSource
from streamdet.stages.pixels import PixelStore
from streamdet.stages.source_tracker import SourceTracker
from streamdet.trackers import LookingTracker, Tracker
from streamdet.trackers.options import TrackerOptions
from streamdet.trackers.with_others import followed, updated


class TrackStage:
    """Tracks each source's frames in index order.

    A dropped frame counts as one without detections, so that the tracks age. Objects without a
    confirmed track come after those with one, with the id 0. A still image is not
    tracked: its objects have no ids, as in a graph without a tracker.

    Args:
        make_tracker: makes the tracker of a new source.
        options: of the trackers; they say whether objects without a track are published.
        options_by_hw: by the size of the network's image, in place of `options`.
        pixels: the pools, for trackers that look at images; None where jobs have theirs with them.
    """

    def __init__(
        self,
        make_tracker: Callable[[Any], Tracker],
        options: TrackerOptions,
        options_by_hw: Mapping[Hw, TrackerOptions] = MappingProxyType({}),
        pixels: PixelStore | None = None,
    ) -> None:
        self._trackers = PerSource(lambda source_id: SourceTracker(make_tracker, options))
        self._options = options
        self._options_by_hw = options_by_hw
        self._pixels = pixels

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Give each frame's objects their track ids: see stages.Stage."""
        return [self._track(job) for job in jobs]

    def _track(self, job: Job) -> Job:
        message = job.message
        found = message.detections or Detections.empty()
        options = self._options_at(message.input_hw)
        if message.frame.is_still:
            tracked = found[found.scores >= (options.untracked_thresh or 0.0)]
        else:
            source = self._trackers.changing(message.source_id)
            if message.input_hw is not None:
                source.take(options)
            if options.needs_image:
                cast(LookingTracker, source.tracker).look(self._image(job))
            tracked = _followed(source.tracker, options, found)
        if job.is_dropped:
            return job
        return replace(job, message=replace(message, detections=tracked))

    def _image(self, job: Job) -> Image | None:
        if self._pixels is None:
            return job.image
        try:
            return self._pixels.image(job)
        except StalePixelsError:
            return None  # the slot was reused: the frame is tracked without its image

    def _options_at(self, hw: Hw | None) -> TrackerOptions:
        """The options at a size of the network's image, which may be turned."""
        if hw is None:
            return self._options
        return self._options_by_hw.get(hw, self._options_by_hw.get(hw[::-1], self._options))

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


def _followed(tracker: Tracker, options: TrackerOptions, found: Detections) -> Detections:
    if options.untracked == "publish":
        return followed(tracker, found, options.untracked_thresh or 0.0)
    return updated(tracker, found)
