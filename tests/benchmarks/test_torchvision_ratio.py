"""Agreement and canvases of the comparison with torchvision."""

import numpy as np
import pytest

from benchmarks.torchvision_ratio import agreement, canvas_hw
from streamdet.detections import Detections


def found(*xyxy: tuple[float, float, float, float], class_id: int = 0) -> Detections:
    boxes = np.array(xyxy, dtype=np.float32).reshape(-1, 4)
    return Detections(boxes, np.ones(len(boxes), np.float32), np.full(len(boxes), class_id))


@pytest.mark.parametrize(
    ("hw", "sides", "canvas"),
    [
        ((480, 640), (320, 640), (320, 448)),  # 320 x 426, padded
        ((480, 640), (800, 1333), (800, 1088)),  # 800 x 1066
        ((360, 640), (800, 1333), (768, 1344)),  # 749 x 1333: the longer side decides
    ],
)
def test_canvas_is_that_of_torchvision(
    hw: tuple[int, int], sides: tuple[int, int], canvas: tuple[int, int]
) -> None:
    assert canvas_hw(hw, sides) == canvas


def test_detections_agree_where_class_and_place_are_the_same() -> None:
    one, two = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)
    assert agreement(found(one, two), found(one, two)) == 1
    assert agreement(found(one), found(one, two)) == pytest.approx(2 / 3)
    assert agreement(found(one), found(one, class_id=1)) == 0


def test_nothing_agrees_with_nothing_alone() -> None:
    assert agreement(found(), found()) == 1
    assert agreement(found(), found((0.0, 0.0, 1.0, 1.0))) == 0
