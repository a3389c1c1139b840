"""The stage of a sink: hands it each source's frames in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from streamdet.errors import EngineError, StalePixelsError
from streamdet.image import Image
from streamdet.sinks import PublicEntry, Sink
from streamdet.stages import Job
from streamdet.stages.device_image import DeviceImage, on_device
from streamdet.stages.pixels import PixelStore
from streamdet.system.redaction import short


class SinkStage:
    """Writes results.

    Args:
        sink: writes them.
        pixels: the pools, for sinks that need the images.
        device: where the sink wants its images: cpu, or a GPU.
    """

    def __init__(self, sink: Sink, pixels: PixelStore, *, device: str = "cpu") -> None:
        self._sink = sink
        self._device = device
        self._pixels = pixels

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        """Write a batch: see stages.Stage.

        Raises:
            EngineError: the sink does not say what each frame adds to public streams.
        """
        images = [self._image(job) for job in jobs]
        public = self._sink.write([job.message for job in jobs], images)
        if not isinstance(public, list) or len(public) != len(jobs):
            wanted = f"a list with a tuple of PublicEntry for each of the {len(jobs)} messages"
            raise self._wrong("write", wanted, public)
        return [replace(job, public=entries) for job, entries in zip(jobs, public, strict=True)]

    def _image(self, job: Job) -> Image | None:
        if not self._sink.needs_image:
            return None
        try:
            image = self._pixels.image(job)
            if image is None or self._device == "cpu":
                return image
            gpu = self._pixels.device(self._device)
            return DeviceImage(on_device(image, gpu), gpu)
        except StalePixelsError:
            return None  # the slot was reused: the sink writes the frame without image

    def take_public(self) -> list[PublicEntry]:
        """The entries for public streams that belong to no frame, where the sink has such."""
        take = getattr(self._sink, "take_public", None)
        return [] if take is None else list(take())

    def finish(self, source_id: str) -> None:
        """Write what the sink still holds for a source."""
        self._sink.finish(source_id)

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Continue from the committed outputs: see stages.Stage."""
        self._sink.restore(states)

    def states(self) -> dict[str, bytes]:
        """The outputs since the last call: see stages.Stage.

        Raises:
            EngineError: the sink does not say.
        """
        states = self._sink.states()
        if not isinstance(states, dict):
            raise self._wrong("states", "a dict of bytes, {} for none", states)
        return states

    def _wrong(self, method: str, wanted: str, returned: object) -> EngineError:
        name = f"{type(self._sink).__name__}.{method}"
        got = short(str(returned))
        return EngineError(f"{name} must return {wanted}, got {got} (docs/plugins.md)")

    def committed(self) -> None:
        """Make the committed outputs visible."""
        self._sink.committed()

    def close(self) -> None:
        """Close the outputs."""
        self._sink.close()
