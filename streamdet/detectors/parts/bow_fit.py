"""Fits a bag of visual words: words by k-means, a linear SVM per class (scikit-learn's)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.bow_features import (
    Floats,
    dense_sift,
    nearest_words,
    pyramid_features,
    word_sums,
)
from streamdet.detectors.parts.bow_model import DESCRIPTOR, BowGeometry, BowModel
from streamdet.errors import ConfigError, EngineError, to_install
from streamdet.image import Pixels

BACKGROUND = -1
"""Class id of a region without an object."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """An image with regions.

    Attributes:
        pixels: (H, W, 3) uint8 BGR.
        xyxy: (N, 4) pixels.
        class_ids: (N,) int64, `BACKGROUND` for a region without an object.
    """

    pixels: Pixels
    xyxy: Floats
    class_ids: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BowFitting:
    """How a model is fitted.

    Attributes:
        geometry: of descriptors and regions.
        words: size of the vocabulary.
        most_descriptors: drawn at random for k-means.
        penalty: of the SVM (C); larger fits the examples more closely.
        seed: of what is drawn.
    """

    geometry: BowGeometry = field(default_factory=BowGeometry)
    words: int = 200
    most_descriptors: int = 50_000
    penalty: float = 1.0
    seed: int = 0


def fit_bow(images: Sequence[LabelledImage], classes: int, fitting: BowFitting) -> BowModel:
    """Fit words, SVMs and the scales from margins to scores.

    Args:
        images: examples; each class and the background in at least 3 regions.
        classes: C.
        fitting: how.

    Raises:
        ConfigError: a class has too few regions, or there are fewer descriptors than words.
        EngineError: OpenCV or scikit-learn is missing.
    """
    labels = np.concatenate([image.class_ids for image in images])
    for class_id in (*range(classes), BACKGROUND):
        count = int((labels == class_id).sum())
        if count < 3:
            raise ConfigError(f"class {class_id} must have at least 3 regions, got {count}")
    described = [dense_sift(image.pixels, fitting.geometry) for image in images]
    words = _fit_words(described, fitting)
    features = np.concatenate(
        [
            pyramid_features(
                word_sums(nearest_words(one, words), len(words)), image.xyxy, fitting.geometry
            )
            for image, one in zip(images, described, strict=True)
        ]
    )
    svms = [_fit_svm(features, labels == class_id, fitting) for class_id in range(classes)]
    coefficients, biases, scales = zip(*svms, strict=True)
    return BowModel(
        geometry=fitting.geometry,
        words=words,
        coefficients=np.array(coefficients, dtype=np.float32),
        biases=np.array(biases, dtype=np.float32),
        scales=np.array(scales, dtype=np.float32),
    )


def _fit_words(described: Sequence[Floats], fitting: BowFitting) -> Floats:
    try:
        from sklearn.cluster import KMeans
    except ImportError as exc:
        raise EngineError(f"scikit-learn is not installed: {to_install('classical')}") from exc
    all_ = np.concatenate([one.reshape(-1, DESCRIPTOR) for one in described])
    if len(all_) < fitting.words:
        raise ConfigError(f"{fitting.words} words want as many descriptors, got {len(all_)}")
    drawn = np.random.default_rng(fitting.seed).permutation(len(all_))[: fitting.most_descriptors]
    means = KMeans(fitting.words, n_init=1, random_state=fitting.seed).fit(all_[np.sort(drawn)])
    return np.asarray(means.cluster_centers_, dtype=np.float32)


def _fit_svm(
    features: Floats, is_class: npt.NDArray[np.bool_], fitting: BowFitting
) -> tuple[Floats, float, tuple[float, float]]:
    """Fit one class against the rest; the scale on margins of examples not fitted to (Platt)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.svm import LinearSVC

    svm = LinearSVC(C=fitting.penalty, class_weight="balanced", random_state=fitting.seed)
    margins = cross_val_predict(svm, features, is_class, cv=3, method="decision_function")
    platt = LogisticRegression().fit(margins[:, None], is_class)
    steepness = float(platt.coef_[0, 0])
    svm.fit(features, is_class)
    half = -float(platt.intercept_[0]) / steepness
    return svm.coef_[0], float(svm.intercept_[0]), (half, steepness)
