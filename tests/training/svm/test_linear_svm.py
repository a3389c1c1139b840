"""Linear SVMs, hard negatives and the scale of margins."""

import numpy as np
import pytest

from streamdet.detectors.parts.margins import MarginScale
from streamdet.errors import ConfigError
from streamdet.training.svm.linear_svm import (
    Floats,
    Side,
    fit_scale,
    fit_svm,
    fit_with_hard_negatives,
)


def cloud(centre: float, count: int, seed: int) -> Floats:
    """Points around (centre, 0), 1 apart on average."""
    points = np.random.default_rng(seed).normal((centre, 0), 1, (count, 2))
    return points.astype(np.float32)


def scale_of(positives: Floats, negatives: Floats) -> MarginScale:
    """Fit a scale to examples that are each an image of its own."""
    one, other = (Side(each, np.arange(len(each))) for each in (positives, negatives))
    return fit_scale(one, other, 1.0)


def test_the_border_lies_midway_between_two_alike_clouds() -> None:
    points = cloud(2, 200, 0)
    svm = fit_svm(points, -points, cost=1.0)
    assert abs(svm.bias) < 1e-3
    assert (svm.margins(cloud(2, 50, 2)) > 0).mean() > 0.9


def test_many_negatives_move_the_border_no_more_than_few() -> None:
    few, many = (fit_svm(cloud(1, 200, 0), cloud(-1, count, 1), 1.0) for count in (200, 4000))
    assert abs(few.bias - many.bias) < 0.1


def test_hard_negatives_alone_give_the_svm_of_all() -> None:
    positives, negatives = cloud(3, 30, 0), cloud(-3, 3000, 1)
    *_, (svm, rows) = fit_with_hard_negatives(positives, negatives, 1.0, first=20)
    assert len(rows) < 300
    assert not (np.delete(svm.margins(negatives), rows) > -1).any()
    whole = fit_svm(positives, negatives, 1.0)
    cosine = svm.coefficients @ whole.coefficients
    cosine /= np.linalg.norm(svm.coefficients) * np.linalg.norm(whole.coefficients)
    assert cosine > 0.98


def test_scores_are_about_the_share_of_positives_at_their_margin() -> None:
    positives, negatives = cloud(0.5, 2000, 0), cloud(-0.5, 2000, 1)
    svm, scale = fit_svm(positives, negatives, 1.0), scale_of(positives, negatives)
    points = np.concatenate((positives, negatives))
    is_positive = np.arange(4000) < 2000
    scores = scale.score(svm.margins(points))
    some = (scores > 0.6) & (scores < 0.8)
    assert abs(is_positive[some].mean() - scores[some].mean()) < 0.05


def test_a_kind_of_negative_that_comes_last_does_not_spoil_the_scale() -> None:
    # Seen without the last third of the negatives, an SVM takes that for the best of positives.
    positives, hard = cloud(2, 300, 0), cloud(6, 100, 1)
    hard[:, 1] += 20
    negatives = np.concatenate((cloud(-2, 200, 2), hard))
    svm, scale = fit_svm(positives, negatives, 1.0), scale_of(positives, negatives)
    assert (scale.score(svm.margins(positives)) > 0.5).mean() > 0.9


def test_too_few_examples_are_told() -> None:
    with pytest.raises(ConfigError, match=r"at least 6 examples .* an object, got 5 and 50"):
        fit_svm(cloud(1, 5, 0), cloud(-1, 50, 0), 1.0)


def test_examples_that_do_not_differ_are_told() -> None:
    same = np.ones((9, 2), np.float32)
    with pytest.raises(ConfigError, match="9 examples with an object are too few or too unlike"):
        scale_of(same, same)


def test_examples_of_too_few_images_are_told() -> None:
    points, images = cloud(2, 20, 0), np.arange(20)
    with pytest.raises(ConfigError, match="from at least 3 images each, got 2"):
        fit_scale(Side(points, images), Side(-points, images % 2), 1.0)


def test_a_scale_rests_on_images_that_an_svm_has_not_seen() -> None:
    # Each image shows its one object five times. Objects and others do not differ otherwise, and
    # there are more numbers than images: an SVM knows by heart what it has seen.
    rng = np.random.default_rng(3)
    images = np.repeat(np.arange(24), 5)
    objects, others = (
        np.repeat(rng.normal(size=(24, 200)), 5, axis=0).astype(np.float32) for _ in range(2)
    )
    assert scale_of(objects, others).steepness > 3
    with pytest.raises(ConfigError, match="does not know them again"):
        fit_scale(Side(objects, images), Side(others, images), 1.0)
