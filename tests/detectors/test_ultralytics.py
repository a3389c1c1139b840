"""YOLOv5's, YOLOv8's and YOLOv10's outputs, worked by hand: a 64 x 64 network of two classes."""

import numpy as np
import numpy.typing as npt
import pytest

from streamdet.detections import Detections
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.ultralytics import Ultralytics
from streamdet.errors import EngineError
from streamdet.models.model_config import ModelConfig, load_model_config
from tests.detectors.scripted_runtime import ScriptedRuntime

CELLS = 8 * 8 + 4 * 4 + 2 * 2
HW = (64, 64)
BOX = [30.0, 20.0, 10.0, 4.0]  # centre and size of 25, 18, 35, 22


def model(kind: str) -> ModelConfig:
    nano = load_model_config("yolox_nano")
    assert nano.input is not None
    image_input = nano.input.model_copy(update={"hw": HW})
    return nano.model_copy(
        update={"detector": kind, "classes": ("cat", "dog"), "input": image_input}
    )


def detect(kind: str, output: npt.NDArray[np.float32]) -> Detections:
    options = NetworkOptions(model="own", score_thresh=0.3)
    detector = Ultralytics(options, model(kind), ScriptedRuntime({"output0": output}))
    return detector([np.zeros((*HW, 3), dtype=np.uint8)])[0]


def zeros(*shape: int) -> npt.NDArray[np.float32]:
    return np.zeros((1, *shape), dtype=np.float32)


def test_yolov5_multiplies_objectness_and_class_score() -> None:
    output = zeros(3 * CELLS, 7)
    output[0, 5] = [*BOX, 0.5, 0.1, 0.8]
    output[0, 6] = [*BOX, 0.5, 0.1, 0.59]  # 0.295
    found = detect("yolov5", output)
    assert found.xyxy.tolist() == [[25.0, 18.0, 35.0, 22.0]]
    assert found.class_ids.tolist() == [1]
    np.testing.assert_allclose(found.scores, [0.4])


def test_yolov8_has_a_column_for_each_cell() -> None:
    output = zeros(6, CELLS)
    output[0, :, 7] = [*BOX, 0.6, 0.7]
    output[0, :, 8] = [31.0, 20.0, 10.0, 4.0, 0.1, 0.5]  # suppressed: IoU 9/11
    found = detect("yolov8", output)
    assert found.xyxy.tolist() == [[25.0, 18.0, 35.0, 22.0]]
    assert found.class_ids.tolist() == [1]
    np.testing.assert_allclose(found.scores, [0.7])


def test_yolov10_gives_detections_that_nothing_suppresses() -> None:
    output = zeros(3, 6)
    output[0] = [[1, 2, 30, 40, 0.5, 0], [1, 2, 30, 40, 0.9, 0], [1, 2, 3, 4, 0.2, 1]]
    found = detect("yolov10", output)
    assert found.xyxy.tolist() == [[1.0, 2.0, 30.0, 40.0]] * 2
    np.testing.assert_allclose(found.scores, [0.9, 0.5])


def test_a_class_that_the_model_does_not_have_is_refused() -> None:
    output = zeros(1, 6)
    output[0, 0] = [1, 2, 30, 40, 0.5, 2]
    with pytest.raises(EngineError, match=r"class ids must be 0 to 1: .* 2 classes, got 2"):
        detect("yolov10", output)


@pytest.mark.parametrize(
    ("kind", "shape", "wanted"),
    [
        ("yolov5", (3 * CELLS, 85), r"\(1, 252, 7\) or \(1, 255, 7\), got \(1, 252, 85\)"),
        ("yolov5", (CELLS, 7), r"\(1, 252, 7\)"),
        ("yolov8", (CELLS, 6), r"\(1, 6, 84\) or \(1, 6, 85\), got \(1, 84, 6\)"),
        ("yolov8", (6 + 32, CELLS), r"\(1, 6, 84\)"),  # a segmentation network
        ("yolov10", (300, 7), r"gives \(1, 'any', 6\), got \(1, 300, 7\)"),
    ],
)
def test_another_layout_is_refused(kind: str, shape: tuple[int, ...], wanted: str) -> None:
    with pytest.raises(EngineError, match=wanted):
        detect(kind, zeros(*shape))


def test_shares_of_the_image_and_raw_scores_are_refused() -> None:
    output = zeros(6, CELLS)
    output[0, :4] = 0.5
    with pytest.raises(EngineError, match="must be in pixels"):
        detect("yolov8", output)
    output[0, 4:] = -3
    with pytest.raises(EngineError, match="scores must be 0 to 1, got -3"):
        detect("yolov8", output)
