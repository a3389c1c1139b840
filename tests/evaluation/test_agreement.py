"""Two forms of a model agree where both find the same."""

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.evaluation.agreement import Agreement, agreement


def found(*rows: tuple[float, float, int]) -> Detections:
    """Boxes of 100 x 100 pixels: left edge, score and class of each."""
    boxes = [(left, 0.0, left + 100.0, 100.0) for left, _, _ in rows]
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in rows], np.float32),
        np.array([class_id for _, _, class_id in rows], np.int64),
    )


def test_the_same_boxes_are_found_again_both_ways() -> None:
    pair = found((0, 0.9, 0)), found((1, 0.89, 0))
    compared = agreement([pair], 0.3)
    assert (compared.images, compared.detections, compared.found_again) == (1, 2, 2)
    assert compared.score_difference == pytest.approx(0.01, abs=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        found(),
        found((6, 0.9, 0)),  # IoU 94 / 106
        found((0, 0.9, 1)),
        found((0, 0.8, 0)),
    ],
)
def test_another_box_class_or_score_is_not_the_same(other: Detections) -> None:
    compared = agreement([(found((0, 0.9, 0)), other)], 0.3)
    assert (compared.detections, compared.found_again) == (1 + len(other), 0)
    assert compared.share == 0


def test_what_the_threshold_may_have_cost_is_not_looked_for() -> None:
    pair = found((0, 0.31, 0), (200, 0.9, 0)), found((200, 0.9, 0))
    assert agreement([pair], 0.3) == Agreement(1, 2, 2, 0.0)


def test_nothing_agrees_with_nothing() -> None:
    assert agreement([(found(), found())] * 3, 0.3) == Agreement(3, 0, 0, 0.0)
    assert agreement([], 0.3).share == 1
