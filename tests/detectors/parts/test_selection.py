"""Candidates are few, detections fewer."""

from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.options import DetectorOptions
from streamdet.detectors.parts.selection import Selection
from streamdet.models.model_config import load_model_config

MODEL = load_model_config("yolox_nano")  # score_thresh 0.3, iou_thresh 0.45


def floats(values: list[Any]) -> npt.NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def selection(**stated: object) -> Selection:
    return Selection(DetectorOptions.model_validate({"model": "yolox_nano", **stated}), MODEL)


def test_a_score_at_the_threshold_is_kept() -> None:
    scores = floats([0.3, 0.299, 0.9])
    assert selection().candidates(scores, np.zeros(3, dtype=np.int64)).tolist() == [2, 0]


def test_a_stated_zero_is_not_taken_for_nothing_stated() -> None:
    scores = floats([0.0, 0.1])
    rows = selection(score_thresh=0).candidates(scores, np.zeros(2, dtype=np.int64))
    assert rows.tolist() == [1, 0]


def test_at_most_a_thousand_candidates_stay_and_they_are_the_best() -> None:
    scores = np.linspace(0.4, 0.9, 1500, dtype=np.float32)
    rows = selection().candidates(scores, np.zeros(1500, dtype=np.int64))
    assert rows.tolist() == list(range(1499, 499, -1))


def test_the_stated_overlap_wins_over_the_model_s() -> None:
    xyxy = floats([[0, 0, 10, 10], [0, 0, 10, 6]])  # IoU 0.6
    scores, class_ids = floats([0.9, 0.8]), np.zeros(2, dtype=np.int64)
    assert len(selection().detections(xyxy, scores, class_ids)) == 1
    assert len(selection(iou_thresh=0.7).detections(xyxy, scores, class_ids)) == 2


def test_soft_suppression_lowers_the_worse_score_and_keeps_the_box() -> None:
    xyxy = floats([[0, 0, 10, 10], [0, 0, 10, 6]])  # IoU 0.6
    scores, class_ids = floats([0.9, 0.8]), np.zeros(2, dtype=np.int64)
    linear = selection(suppression="soft_linear").detections(xyxy, scores, class_ids)
    np.testing.assert_allclose(linear.scores, [0.9, 0.8 * (1 - 0.6)], rtol=1e-6)
    gaussian = selection(suppression="soft_gaussian").detections(xyxy, scores, class_ids)
    np.testing.assert_allclose(gaussian.scores, [0.9, 0.8 * np.exp(-0.36 / 0.5)], rtol=1e-6)


def test_soft_suppression_drops_what_falls_below_the_score_threshold() -> None:
    xyxy = floats([[0, 0, 10, 10], [0, 0, 10, 9]])  # IoU 0.9: 0.8 becomes 0.08
    scores, class_ids = floats([0.9, 0.8]), np.zeros(2, dtype=np.int64)
    assert len(selection(suppression="soft_linear").detections(xyxy, scores, class_ids)) == 1
