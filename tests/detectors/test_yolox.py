"""YOLOX boxes, worked by hand."""

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.detectors.parts.grid import cell_grid
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.yolox import Floats, Yolox, box_form, decode_boxes
from streamdet.errors import EngineError
from streamdet.models.model_config import load_model_config
from tests.detectors.scripted_runtime import ScriptedRuntime, empty_outputs

Row = tuple[int, list[float], float, dict[int, float]]


def detect(*rows: Row) -> Detections:
    """Rows of the network's output: number, tx ty tw th, objectness, class scores."""
    outputs = empty_outputs("yolox")
    for number, box, objectness, class_scores in rows:
        outputs["output"][0, number, :5] = [*box, objectness]
        for class_id, score in class_scores.items():
            outputs["output"][0, number, 5 + class_id] = score
    options = NetworkOptions(model="yolox_nano", score_thresh=0.3)
    detector = Yolox(options, load_model_config("yolox_nano"), ScriptedRuntime(outputs))
    return detector([np.zeros((416, 416, 3), dtype=np.uint8)])[0]


def test_a_box_is_decoded_from_its_cell_s_corner() -> None:
    # Row 2704 + 26 + 3 is x 3, y 1 of stride 16: centre (3.5, 1.25) * 16, side e^ln(2) * 16.
    found = detect((2733, [0.5, 0.25, np.log(2), 0.0], 0.8, {7: 0.5}))
    np.testing.assert_allclose(found.xyxy, [[40.0, 12.0, 72.0, 28.0]], rtol=1e-5)
    np.testing.assert_allclose(found.scores, [0.4], rtol=1e-6)
    assert found.class_ids.tolist() == [7]


def test_the_last_row_is_the_last_cell_of_stride_32() -> None:
    found = detect((3548, [0.5, 0.5, 0.0, 0.0], 1.0, {0: 1.0}))
    assert found.xyxy.tolist() == [[384.0, 384.0, 416.0, 416.0]]


def test_a_cell_has_only_its_best_class() -> None:
    assert detect((0, [0.0] * 4, 1.0, {3: 0.6, 5: 0.7})).class_ids.tolist() == [5]


def test_objectness_counts_into_the_score() -> None:
    assert len(detect((0, [0.0] * 4, 0.5, {3: 0.59}))) == 0  # 0.295


def test_duplicates_of_a_class_are_suppressed() -> None:
    same = [0.5, 0.5, 1.0, 1.0]
    found = detect((0, same, 0.9, {0: 1.0}), (1, [-0.5, 0.5, 1.0, 1.0], 0.8, {0: 1.0}))
    np.testing.assert_allclose(found.scores, [0.9], rtol=1e-6)


def test_an_overflowing_size_gives_an_infinite_box() -> None:
    deltas = np.array([[0.0, 0.0, 1000.0, 0.0]], dtype=np.float32)
    xyxy = decode_boxes(
        deltas, np.zeros((1, 2), dtype=np.float32), np.full((1, 1), 8, dtype=np.float32)
    )
    assert xyxy[0, 2] == pytest.approx(np.inf)


CELLS, STRIDES = cell_grid((416, 416), (8, 16, 32))
CENTRES = (CELLS + 0.5) * STRIDES
SIDES = np.full_like(CENTRES, 20.0)


def started(boxes: Floats, scores: float = 0.0) -> Yolox:
    """A detector of a network that gives these boxes (N, 4) for any image."""
    outputs = empty_outputs("yolox")
    outputs["output"][0, :, :4] = boxes
    outputs["output"][0, :, 4:] = scores
    options = NetworkOptions(model="yolox_nano", score_thresh=0.3)
    return Yolox(options, load_model_config("yolox_nano"), ScriptedRuntime(outputs))


def test_boxes_that_the_network_decoded_are_taken_as_they_are() -> None:
    boxes = np.concatenate([CENTRES, SIDES], axis=1)
    assert box_form(boxes, CELLS, STRIDES) == "pixels"
    found = started(boxes, scores=1.0)([np.zeros((416, 416, 3), dtype=np.uint8)])[0]
    assert found.xyxy[0].tolist() == [-6.0, -6.0, 14.0, 14.0]  # around (4, 4), the first cell's


def test_boxes_from_their_cells_are_recognised_though_far_off_ones_are_among_them() -> None:
    deltas = np.full((len(CELLS), 4), 0.5, dtype=np.float32)
    deltas[:1000, :2] = 40.0
    assert box_form(deltas, CELLS, STRIDES) == "deltas"


@pytest.mark.parametrize(
    ("boxes", "form"),
    [
        (np.concatenate([CENTRES - 10, CENTRES + 10], axis=1), "look like corners"),
        (np.concatenate([CENTRES, SIDES], axis=1) / 416, "look like shares of the image"),
        (np.full((len(CELLS), 4), 1e4), "look like nothing near their cells"),
    ],
)
def test_boxes_in_another_form_are_refused(boxes: Floats, form: str) -> None:
    with pytest.raises(EngineError, match=form):
        started(boxes.astype(np.float32))


def test_scores_before_their_sigmoids_are_refused() -> None:
    with pytest.raises(EngineError, match=r"scores must be 0 to 1, got -4.5: export it with"):
        started(np.full((len(CELLS), 4), 0.5, dtype=np.float32), scores=-4.5)
