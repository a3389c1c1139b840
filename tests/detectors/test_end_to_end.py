"""What comes out of a network that ends in detections is checked before it is believed."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.detectors.end_to_end import read_detections
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.selection import Selection
from streamdet.errors import EngineError
from streamdet.models.model_config import load_model_config
from streamdet.runtimes import Tensors

SELECTION = Selection(
    NetworkOptions(model="any", score_thresh=0.05), load_model_config("faster_rcnn_resnet18")
)  # 80 classes


def outputs() -> Tensors:
    """Three rows that count, and one that does not."""
    return {
        "boxes": np.array([[[0, 0, 4, 4]] * 4], np.float32),
        "scores": np.array([[0.9, 0.8, 0.7, 0.6]], np.float32),
        "class_ids": np.array([[0, 79, 2, 500]], np.int64),
        "counts": np.array([3], np.int64),
        "masks": np.ones((1, 4, 2, 2), np.float32),
        "keypoints": np.ones((1, 4, 5, 3), np.float32),
    }


@pytest.mark.parametrize("name", ["boxes", "scores", "masks", "keypoints"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_row_with_a_number_that_is_none_is_left_out(name: str, value: float) -> None:
    changed = outputs()
    changed[name][0, 1] = value
    found = read_detections(changed, SELECTION)
    assert found.class_ids.tolist() == [0, 2]


def test_rows_beyond_the_count_do_not_matter() -> None:
    assert read_detections(outputs(), SELECTION).class_ids.tolist() == [0, 79, 2]
    nothing = outputs() | {"counts": np.zeros(1, np.int64)}
    assert len(read_detections(nothing, SELECTION)) == 0


@pytest.mark.parametrize("wrong", [-1, 80])
def test_a_class_that_the_model_does_not_name_is_refused(wrong: int) -> None:
    changed = outputs()
    changed["class_ids"][0, 1] = wrong
    sentence = f"class ids must be 0 to 79: .* names 80 classes, got {wrong}"
    with pytest.raises(EngineError, match=sentence):
        read_detections(changed, SELECTION)
