"""What joins sources, transforms, detectors, trackers and sinks to the bus and the pools.

A stage knows frames and images; it does not know the bus. A `Group` (group.py) runs the stages of
one process one after another, the worker commits what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from streamdet.image import Image, Pixels
from streamdet.messages import FrameMessage
from streamdet.transport.bus import PublicEntry


@dataclass(frozen=True, slots=True)
class Job:
    """A frame inside one process: its message and, where they are at hand, its images.

    Attributes:
        message: what is known of the frame.
        image: the source image, if this process decoded it (else it lies in
            `message.frame.pixels`).
        prepared: the prepared image, if this process made it (else in `message.prepared.pixels`).
        public: entries for public streams, from a sink.
    """

    message: FrameMessage
    image: Image | None = None
    prepared: Pixels | None = None
    public: tuple[PublicEntry, ...] = ()

    @property
    def is_dropped(self) -> bool:
        """Whether an earlier stage gave the frame up: stages hand it on as it is."""
        return self.message.drop_reason is not None

    def dropped(self, reason: str) -> Job:
        """This job, given up; an earlier reason stands."""
        if self.is_dropped:
            return self
        return replace(self, message=replace(self.message, drop_reason=reason, prepared=None))

    def without_images(self) -> Job:
        """This job, to be kept when its images are gone."""
        return replace(self, image=None, prepared=None)


class Stage(Protocol):
    """One node's work in one process."""

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Do a batch: as many jobs come out, in order; a frame that fails comes out dropped."""
        ...

    def finish(self, source_id: str) -> None:
        """A source has ended: all of its frames have been processed."""
        ...

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Go on from the committed states, key -> snapshot; {} in a new run."""
        ...

    def states(self) -> dict[str, bytes]:
        """The snapshots that changed since the last call, key -> bytes."""
        ...

    def committed(self) -> None:
        """What `states` last returned has been committed: it may be shown to the world."""
        ...

    def close(self) -> None:
        """Let go of files and models."""
        ...
