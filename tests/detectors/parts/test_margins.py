"""A score says which margin it came from."""

import numpy as np
import pytest

from streamdet.detectors.parts.margins import MarginScale

SCALE = MarginScale(half=0.83, steepness=2.7)


@pytest.mark.parametrize("score", [0.01, 0.25, 0.5, 0.99])
def test_score_and_margin_are_inverses(score: float) -> None:
    back = SCALE.score(np.array([SCALE.margin(score)]))
    np.testing.assert_allclose(back, [score], atol=1e-5)


def test_a_larger_margin_has_a_larger_score() -> None:
    assert (np.diff(SCALE.score(np.linspace(-3, 5, 50))) > 0).all()


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_the_ends_of_the_scores_have_finite_margins(score: float) -> None:
    assert np.isfinite(SCALE.margin(score))


def test_huge_margins_have_scores_of_0_and_1() -> None:
    np.testing.assert_allclose(SCALE.score(np.array([-1e9, 1e9])), [0, 1], atol=1e-30)
