"""OverFeat's merging, worked by hand."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamdet.detections import Detections
from streamdet.detectors.overfeat import OverFeat, OverFeatOptions, match_scores, merge_boxes
from streamdet.errors import EngineError
from streamdet.models.model_config import load_model_config
from tests.detectors.scripted_runtime import ScriptedRuntime

Floats = npt.NDArray[np.floating]
CAR, BUS = 2, 5
HERE, NEAR, FAR = [0.0, 0, 10, 10], [1.0, 0, 11, 10], [50.0, 50, 60, 60]


def detect(windows: list[tuple[list[float], dict[int, float]]], **options: float) -> Detections:
    scores = np.zeros((1, len(windows), 80), dtype=np.float32)
    boxes = np.array([[box for box, _ in windows]], dtype=np.float32).reshape(1, -1, 4)
    for row, (_, class_scores) in enumerate(windows):
        for class_id, score in class_scores.items():
            scores[0, row, class_id] = score
    return run(scores, boxes, **options)


def run(scores: Floats, boxes: Floats, **options: float) -> Detections:
    runtime = ScriptedRuntime({"scores": scores, "boxes": boxes})
    stated = OverFeatOptions(model="overfeat_fast", **{"score_thresh": 0.2, **options})
    detector = OverFeat(stated, load_model_config("overfeat_fast"), runtime)
    return detector([np.zeros((320, 576, 3), dtype=np.uint8)])[0]


def test_a_match_is_the_distance_in_sides_plus_what_is_not_shared() -> None:
    # Centres 1 apart, sides 10: 0.1; IoU 90 / 110.
    [[match]] = match_scores(np.array([HERE]), np.array([NEAR]))
    assert match == pytest.approx(0.1 + 1 - 90 / 110)
    assert match_scores(np.array([HERE]), np.array([HERE])) == 0


def test_windows_on_one_object_become_their_mean_and_their_scores_add_up() -> None:
    found = detect([(HERE, {CAR: 0.5}), (NEAR, {CAR: 0.6}), (FAR, {CAR: 0.3})])
    np.testing.assert_allclose(found.xyxy, [[0.5, 0, 10.5, 10], FAR])
    np.testing.assert_allclose(found.scores, [1 - 0.5 * 0.4, 0.3], rtol=1e-6)


def test_weak_windows_make_a_strong_detection_together() -> None:
    assert len(detect([(HERE, {CAR: 0.15})])) == 0
    np.testing.assert_allclose(detect([(HERE, {CAR: 0.15})] * 2).scores, [1 - 0.85**2], rtol=1e-6)


def test_classes_are_merged_apart() -> None:
    found = detect([(HERE, {CAR: 0.5, BUS: 0.4}), (NEAR, {BUS: 0.4})])
    assert found.class_ids.tolist() == [BUS, CAR]


def test_the_best_match_goes_first() -> None:
    # 0 and 2 are nearer to each other than 2 and 3; the mean of the first two is too far from 3.
    boxes = np.array([[x, 0.0, x + 10, 10] for x in (0, 1, 3)])
    merged, _ = merge_boxes(boxes, np.full(3, 0.5), match_thresh=0.4)
    assert merged.tolist() == [[0.5, 0, 10.5, 10], [3, 0, 13, 10]]


def test_boxes_of_a_class_of_its_own_are_read() -> None:
    boxes = np.zeros((1, 1, 80, 4), dtype=np.float32)
    boxes[0, 0, CAR], boxes[0, 0, BUS] = HERE, FAR
    scores = np.zeros((1, 1, 80), dtype=np.float32)
    scores[0, 0, [CAR, BUS]] = 0.6, 0.3
    assert run(scores, boxes).xyxy.tolist() == [HERE, FAR]


def test_boxes_turned_inside_out_take_no_part() -> None:
    found = detect([(HERE, {CAR: 0.5}), ([10.0, 0, 0, 10], {CAR: 0.9})])
    assert found.xyxy.tolist() == [HERE]


def test_other_outputs_are_refused() -> None:
    with pytest.raises(
        EngineError, match=r"gives scores \(1, L, 80\) .* got \(7, 3\) and \(7, 4\)"
    ):
        run(np.zeros((1, 7, 3)), np.zeros((1, 7, 4)))


@given(st.integers(0, 12), st.integers(0, 10_000))
def test_nothing_that_is_left_matches_and_scores_never_fall(number: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 30, (number, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(1, 20, (number, 2))], axis=1)
    scores = rng.uniform(0, 1, number)
    merged, sums = merge_boxes(boxes, scores, 0.5)
    apart = match_scores(merged, merged)[~np.eye(len(merged), dtype=bool)]
    assert (apart > 0.5).all()
    np.testing.assert_allclose(np.log1p(-sums).sum(), np.log1p(-scores).sum(), rtol=1e-6)
