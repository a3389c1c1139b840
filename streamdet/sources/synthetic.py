"""`synthetic:street`: a rendered street that needs no file and comes with its ground truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from streamdet.detections import Detections
from streamdet.image import ArrayImage
from streamdet.sources import DecodedFrame, Position, SourceInfo, ignore
from streamdet.sources.pacing import Pacer
from streamdet.sources.sampling import Sampler, SamplingOptions
from streamdet.sources.scene_uri import parse_scene
from streamdet.sources.street import Street


class SyntheticSource:
    """Renders a scene frame by frame; pts counts frames, so it can resume anywhere at no cost."""

    Options = SamplingOptions
    pixel_format = "bgr24"

    def __init__(self, uri: str, options: SamplingOptions) -> None:
        """Read the scene's address (see scene_uri.py).

        Raises:
            ConfigError: the address is wrong.
        """
        self.spec = parse_scene(uri)
        self.warnings: tuple[str, ...] = ()
        self.position = Position()
        self._street = Street(self.spec)
        self._sampler = Sampler(options, self.spec.fps)

    def probe(self, on_part: Callable[[SourceInfo], None] = ignore) -> SourceInfo:
        """Return the scene's size and number of emitted frames."""
        return SourceInfo(self.spec.hw, self._sampler.count(self.spec.frames))

    def truth(self, number: int) -> Detections:
        """Return the ground truth of frame `number` (before sampling); see Street.truth."""
        return self._street.truth(number)

    def frames(
        self, start: Position, on_skipped: Callable[[], None] = ignore
    ) -> Iterator[DecodedFrame]:
        """Render from a position on."""
        self.position = start
        last_slot = None if start.pts is None else self._slot(start.pts)
        time_base = 1 / self.spec.fps
        duration = max(1, round(self._sampler.interval(time_base) * self.spec.fps))
        pacer = Pacer()
        for number in range(start.decoded, self.spec.frames):
            if self.spec.is_realtime:
                pacer.wait(number / self.spec.fps)
            self.position = replace(self.position, decoded=number + 1)
            slot = self._slot(number)
            if not self._sampler.keeps(number, slot, last_slot):
                on_skipped()
                continue
            last_slot = slot
            self.position = Position(self.position.index + 1, number + 1, pts=number)
            yield DecodedFrame(
                image=ArrayImage(self._street.render(number)),
                pts=number,
                time_base=time_base,
                duration=duration,
                captured_ns=time.time_ns(),
                position=self.position,
            )

    def _slot(self, number: int) -> int:
        return self._sampler.slot(number, number / self.spec.fps)
