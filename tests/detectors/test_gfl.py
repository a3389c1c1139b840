"""NanoDet's and PicoDet's boxes, worked by hand."""

from typing import Any

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.detectors.gfl import Gfl, expected_distances
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.errors import EngineError
from streamdet.models.model_config import load_model_config
from streamdet.runtimes import Tensors
from tests.detectors.scripted_runtime import (
    NETWORK_OF,
    PICODET_OUTPUTS,
    ScriptedRuntime,
    empty_outputs,
)

SURE = 50.0  # a logit that leaves nothing to the other bins
BINS = [1, 2, 3, 4]  # cells to the left, top, right, bottom


def detect(name: str, outputs: Tensors) -> Detections:
    model = load_model_config(name)
    detector = Gfl(NetworkOptions(model=name), model, ScriptedRuntime(outputs))
    return detector([np.zeros((416, 416, 3), dtype=np.uint8)])[0]


def set_sides(outputs: Tensors, name: str, row: int) -> None:
    for side, distance in enumerate(BINS):
        outputs[name][0, row, side * 8 + distance] = SURE


def test_nanodet_measures_from_the_middle_pixel_of_a_cell() -> None:
    outputs = empty_outputs("nanodet")
    outputs["cls_pred_stride_16"][0, 26 + 3, 7] = 0.9  # x 3, y 1: point (55.5, 23.5)
    set_sides(outputs, "dis_pred_stride_16", 26 + 3)
    found = detect("nanodet_m", outputs)
    np.testing.assert_allclose(found.xyxy, [[39.5, -8.5, 103.5, 87.5]], rtol=1e-5)
    assert found.class_ids.tolist() == [7]


def test_picodet_measures_from_the_centre_of_a_cell() -> None:
    outputs = empty_outputs("picodet")
    outputs[PICODET_OUTPUTS[3]][0, 7 + 3, 0] = 0.9  # stride 64: x 3, y 1: point (224, 96)
    set_sides(outputs, PICODET_OUTPUTS[7], 7 + 3)
    found = detect("picodet_s", outputs)
    np.testing.assert_allclose(found.xyxy, [[160.0, -32.0, 416.0, 352.0]], rtol=1e-5)


def test_a_cell_may_have_several_classes() -> None:
    outputs = empty_outputs("nanodet")
    outputs["cls_pred_stride_8"][0, 0, [2, 5]] = [0.8, 0.9]
    assert detect("nanodet_m", outputs).class_ids.tolist() == [5, 2]


def test_a_distance_is_the_mean_of_its_distribution() -> None:
    even = np.zeros((1, 32), dtype=np.float32)
    np.testing.assert_allclose(expected_distances(even), [[3.5] * 4])


@pytest.mark.parametrize("kind", ["nanodet", "picodet"])
@pytest.mark.parametrize("cut", [np.s_[:, :-1], np.s_[:, :, :-4]], ids=["cells", "classes"])
def test_a_network_of_another_size_is_refused(kind: str, cut: Any) -> None:
    outputs = {name: output[cut] for name, output in empty_outputs(kind).items()}
    with pytest.raises(EngineError, match=r"class scores must be \(3.*, 80\), got"):
        detect(NETWORK_OF[kind], outputs)


def test_boxes_that_are_no_distributions_are_refused() -> None:
    outputs = empty_outputs("nanodet")
    for name in [name for name in outputs if name.startswith("dis_pred")]:
        outputs[name] = outputs[name][..., :4]
    with pytest.raises(EngineError, match=r"boxes must be \(N, 4 \* bins\).* got \(3549, 4\)"):
        detect("nanodet_m", outputs)


def test_scores_before_their_sigmoids_are_refused() -> None:
    outputs = empty_outputs("nanodet")
    outputs["cls_pred_stride_8"] -= 3
    with pytest.raises(EngineError, match="scores must be 0 to 1, got -3: export it with"):
        detect("nanodet_m", outputs)
