"""Images go to the detector of their size, those of one size together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.detectors.parts.by_size import BySize
from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import Hw
from tests.stages.toy_jobs import boxes


class OneSize:
    """Finds a box as wide as the image's first pixel says; remembers its batches."""

    def __init__(self, hw: Hw, log: list[tuple[Hw, int]]) -> None:
        if hw == (1, 1):
            raise EngineError("too small")
        self.runtime_name = f"toy {hw}"
        self._hw, self._log = hw, log

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        assert {image.shape[:2] for image in images} == {self._hw}
        self._log.append((self._hw, len(images)))
        return [boxes([[0, 0, float(image[0, 0, 0]), 1]]) for image in images]


def image(hw: Hw, value: int) -> Pixels:
    return np.full((*hw, 3), value, np.uint8)


def test_results_stand_in_the_order_of_the_images() -> None:
    log: list[tuple[Hw, int]] = []
    detector = BySize(lambda hw: OneSize(hw, log), first=(4, 6))
    found = detector([image((4, 6), 1), image((8, 8), 2), image((4, 6), 3)])
    assert [each.xyxy[0, 2] for each in found] == [1, 2, 3]
    assert log == [((4, 6), 2), ((8, 8), 1)]
    assert detector.runtime_name == "toy (4, 6)"
    assert detector([]) == []


def test_each_size_is_made_once_and_the_first_at_once() -> None:
    made: list[Hw] = []

    def make(hw: Hw) -> OneSize:
        made.append(hw)
        return OneSize(hw, [])

    detector = BySize(make, first=(4, 6))
    assert made == [(4, 6)]
    for _ in range(2):
        detector([image((8, 8), 2), image((4, 6), 1)])
    assert made == [(4, 6), (8, 8)]
    with pytest.raises(EngineError, match="too small"):
        BySize(make, first=(1, 1))
