"""YOLO's boxes and scores, worked by hand: 7 x 7 cells of 64 pixels, 2 boxes, 80 classes."""

import numpy as np
import numpy.typing as npt
import pytest

from streamdet.detections import Detections
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.yolo_v1 import YoloV1, decode_boxes
from streamdet.errors import EngineError
from streamdet.models.model_config import load_model_config
from tests.detectors.scripted_runtime import ScriptedRuntime

CAR, BUS = 2, 5


def no_cells() -> npt.NDArray[np.float32]:
    return np.zeros((1, 7, 7, 90), dtype=np.float32)


def detect(cells: npt.NDArray[np.float32]) -> Detections:
    options = NetworkOptions(model="yolo_v1", score_thresh=0.2)
    detector = YoloV1(options, load_model_config("yolo_v1"), ScriptedRuntime({"cells": cells}))
    return detector([np.zeros((448, 448, 3), dtype=np.uint8)])[0]


def test_a_box_has_its_centre_in_its_cell_and_its_size_squared() -> None:
    cells = no_cells()
    # Row 1, column 3; centre (3.5, 1.25) * 64; width 0.5 ** 2 * 448, height 0.25 ** 2 * 448.
    cells[0, 1, 3, 5:10] = [0.5, 0.25, 0.5, 0.25, 0.8]
    cells[0, 1, 3, 10 + CAR] = 0.5
    found = detect(cells)
    assert found.xyxy.tolist() == [[168.0, 66.0, 280.0, 94.0]]
    np.testing.assert_allclose(found.scores, [0.4])
    assert found.class_ids.tolist() == [CAR]


def test_a_box_may_have_two_classes() -> None:
    cells = no_cells()
    cells[0, 0, 0, :5] = [0.5, 0.5, 0.5, 0.5, 1.0]
    cells[0, 0, 0, [10 + CAR, 10 + BUS]] = [0.3, 0.6]
    assert detect(cells).class_ids.tolist() == [BUS, CAR]


def test_overlapping_boxes_of_a_cell_are_suppressed() -> None:
    cells = no_cells()
    cells[0, 0, 0, :10] = [0.5, 0.5, 0.5, 0.5, 1.0, 0.5, 0.5, 0.5, 0.45, 0.9]
    cells[0, 0, 0, 10 + CAR] = 1.0
    np.testing.assert_allclose(detect(cells).scores, [1.0])


def test_scores_beyond_0_and_1_are_cut_off() -> None:
    cells = no_cells()
    cells[0, 0, 0, :10] = [0.5, 0.5, 0.1, 0.1, 1.5, 0.5, 0.5, 0.1, 0.1, -2.0]
    cells[0, 0, 0, [10 + CAR, 10 + BUS]] = [1.2, -0.7]
    assert detect(cells).scores.tolist() == [1.0]


def test_images_need_not_be_square() -> None:
    boxes = np.array([0.5, 0.5, 1.0, 1.0, 0.0], np.float32).reshape(1, 1, 5)
    assert decode_boxes(boxes, (20, 40)).tolist() == [[0.0, 0.0, 40.0, 20.0]]


@pytest.mark.parametrize("shape", [(1, 7, 7, 88), (1, 7, 7, 80), (1, 7, 6, 90), (1, 49, 90)])
def test_another_output_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(EngineError, match=r"gives \(1, S, S, 5 B \+ 80\), got \(1, "):
        detect(np.zeros(shape, dtype=np.float32))
