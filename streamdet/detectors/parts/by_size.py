"""A detector whose network runs at several input sizes: one of each, made when it is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streamdet.detections import Detections
from streamdet.detectors import Detector
from streamdet.image import Pixels
from streamdet.models.model_config import Hw

MakeDetector = Callable[[Hw], Detector]


class BySize:
    """Gives each image to the detector of its size; images of one size go together.

    Args:
        make: makes the detector of a size; a worker that meets a new size pauses for as long.
        first: the size of the detector that is made at once, which shows whether any can be.
    """

    def __init__(self, make: MakeDetector, first: Hw) -> None:
        self._make = make
        self._by_hw = {first: make(first)}
        self.runtime_name = self._by_hw[first].runtime_name

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`.

        Raises:
            ConfigError: as the detector's class says.
            EngineError: so too.
        """
        hws: list[Hw] = [(image.shape[0], image.shape[1]) for image in images]
        found: dict[int, Detections] = {}
        for hw in dict.fromkeys(hws):
            rows = [row for row, each in enumerate(hws) if each == hw]
            results = self._of(hw)([images[row] for row in rows])
            found.update(zip(rows, results, strict=True))
        return [found[row] for row in range(len(images))]

    def _of(self, hw: Hw) -> Detector:
        if hw not in self._by_hw:
            self._by_hw[hw] = self._make(hw)
        return self._by_hw[hw]
