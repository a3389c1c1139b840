"""What joins sources, transforms, detectors, trackers, analytics and sinks to the pools.

A stage knows frames and images; it does not know the bus. A `StageGroup` (group.py) runs the stages
of one process one after another; the worker commits their results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from streamdet.image import AnyPixels, Image
from streamdet.messages import FrameMessage
from streamdet.transport.bus import PublicEntry


@dataclass(frozen=True, slots=True)
class Job:
    """A frame inside one process: its message and, if this process has them, its images.

    Attributes:
        message: the frame and the results so far.
        image: the source image, if this process decoded it (else it is in `message.frame.pixels`).
        prepared: the prepared image, if this process made it (else in `message.prepared.pixels`).
        public: entries for public streams, of the stage that returned the job: a sink or analytics.
    """

    message: FrameMessage
    image: Image | None = None
    prepared: AnyPixels | None = None
    public: tuple[PublicEntry, ...] = ()

    @property
    def is_dropped(self) -> bool:
        """Whether an earlier stage dropped the frame: later stages hand it on unchanged."""
        return self.message.drop_reason is not None

    def dropped(self, reason: str) -> Job:
        """This job, dropped; an earlier reason is kept."""
        if self.is_dropped:
            return self
        return replace(self, message=replace(self.message, drop_reason=reason, prepared=None))

    def without_images(self) -> Job:
        """This job without its images, which may soon be invalid."""
        return replace(self, image=None, prepared=None)


class Stage(Protocol):
    """One node's work in one process."""

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Process a batch: returns a job for each, in order; a frame that fails is dropped."""
        ...

    def finish(self, source_id: str) -> None:
        """A source has ended: all of its frames have been processed."""
        ...

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Continue from the committed states, key -> snapshot; {} in a new run."""
        ...

    def states(self) -> dict[str, bytes]:
        """The snapshots that changed since the last call, key -> bytes."""
        ...

    def committed(self) -> None:
        """The states last returned have been committed: outputs may now be made visible."""
        ...

    def close(self) -> None:
        """Release files and models."""
        ...
