"""The stage of a sink: hands it each source's frames in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from streamdet.errors import StalePixelsError
from streamdet.image import Image
from streamdet.sinks import Sink
from streamdet.stages import Job
from streamdet.stages.pixels import PixelStore


class SinkStage:
    """Writes results.

    Args:
        sink: writes them.
        pixels: the pools, for sinks that need the images.
    """

    def __init__(self, sink: Sink, pixels: PixelStore) -> None:
        self._sink = sink
        self._pixels = pixels

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Write a batch: see stages.Stage."""
        images = [self._image(job) for job in jobs]
        public = self._sink.write([job.message for job in jobs], images)
        return [
            replace(job, public=job.public + entries)
            for job, entries in zip(jobs, public, strict=True)
        ]

    def _image(self, job: Job) -> Image | None:
        if not self._sink.needs_image:
            return None
        try:
            return self._pixels.image(job)
        except StalePixelsError:
            return None  # the slot was reused: the sink writes the frame without image

    def finish(self, source_id: str) -> None:
        """Write what the sink still holds for a source."""
        self._sink.finish(source_id)

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Continue from the committed outputs: see stages.Stage."""
        self._sink.restore(states)

    def states(self) -> dict[str, bytes]:
        """The outputs since the last call: see stages.Stage."""
        return self._sink.states()

    def committed(self) -> None:
        """Make the committed outputs visible."""
        self._sink.committed()

    def close(self) -> None:
        """Close the outputs."""
        self._sink.close()
