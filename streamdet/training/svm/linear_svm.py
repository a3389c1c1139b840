"""Linear SVMs (scikit-learn's liblinear) and the scale of their margins. N examples, F features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.margins import MarginScale
from streamdet.errors import ConfigError, EngineError, to_install

Floats = npt.NDArray[np.float32]

FEWEST: Final = 6
"""Examples of each side that a scale can be fitted on."""

_FOLDS: Final = 3
_HARD: Final = -1.0  # a negative that lies beyond its margin does not move the SVM


@dataclass(frozen=True, slots=True, eq=False)
class LinearSvm:
    """margin = coefficients . features + bias; coefficients are (F,) float32."""

    coefficients: Floats
    bias: float

    def margins(self, features: Floats) -> Floats:
        """Compute the margins (N,) of features (N, F)."""
        return np.asarray(features @ self.coefficients + np.float32(self.bias), np.float32)


def fit_svm(positives: Floats, negatives: Floats, cost: float) -> LinearSvm:
    """Fit one class (N, F) against another; the same examples always give the same SVM.

    Both sides weigh the same, however many examples they have.

    Raises:
        ConfigError: there are too few examples of a side.
    """
    features, is_positive = _joined(positives, negatives)
    svm = _svm(cost).fit(features, is_positive)
    return LinearSvm(svm.coef_[0].astype(np.float32), float(svm.intercept_[0]))


def fit_with_hard_negatives(
    positives: Floats, negatives: Floats, cost: float, first: int
) -> Iterator[tuple[LinearSvm, npt.NDArray[np.int64]]]:
    """Fit against few of very many negatives, then against those too that it gets wrong.

    Felzenszwalb et al., PAMI 2010, section 4.2: easy negatives do not matter, so what comes out
    is the SVM of all.

    Args:
        positives: (N, F).
        negatives: (M, F), in random order.
        cost: of the SVM, C.
        first: how many negatives begin.

    Yields:
        The SVM and the rows of the negatives it was fitted to, until no more are hard.

    Raises:
        ConfigError: there are too few examples of a side.
    """
    is_taken = np.zeros(len(negatives), bool)
    is_taken[:first] = True
    while True:
        rows = np.flatnonzero(is_taken)
        svm = fit_svm(positives, negatives[rows], cost)
        yield svm, rows
        is_hard = ~is_taken & (svm.margins(negatives) > _HARD)
        if not is_hard.any():
            return
        is_taken |= is_hard


class Side(NamedTuple):
    """Examples with an object, or those without.

    Attributes:
        features: (N, F).
        images: (N,) numbers of the images that they come from; an example from an image that
            an SVM was fitted to is not new to it.
    """

    features: Floats
    images: npt.NDArray[np.int64]

    def rows(self, rows: npt.NDArray[np.int64]) -> Side:
        """Choose some, in this order."""
        return Side(self.features[rows], self.images[rows])


def fit_scale(positives: Side, negatives: Side, cost: float) -> MarginScale:
    """Fit scores to the margins of examples whose images an SVM was not fitted to: Platt, 1999.

    Departure: a ridge on the steepness in place of his softened targets.

    Raises:
        ConfigError: there are too few examples of a side, or too few images of them.
    """
    features, is_positive = _joined(positives.features, negatives.features)
    images = np.concatenate((positives.images, negatives.images))
    fewest = min(len(np.unique(side.images)) for side in (positives, negatives))
    if fewest < _FOLDS:
        raise ConfigError(
            f"an SVM wants examples with and without an object, from at least {_FOLDS} images"
            f" each, got {fewest}"
        )
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    # Examples come source by source, the hard negatives last: in their order a fold would be judged
    # by an SVM that has seen nothing like it.
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    margins = cross_val_predict(
        _svm(cost), features, is_positive, groups=images, cv=folds, method="decision_function"
    )
    platt = LogisticRegression().fit(margins[:, None], is_positive)
    steepness = float(platt.coef_[0, 0])
    if steepness <= 0:
        raise ConfigError(
            f"{len(positives.features)} examples with an object are too few or too unlike: an SVM"
            " does not know them again in images that it was not fitted to; more images are"
            " wanted, or fewer searches (rounds)"
        )
    return MarginScale(half=-float(platt.intercept_[0]) / steepness, steepness=steepness)


def _joined(positives: Floats, negatives: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    if min(len(positives), len(negatives)) < FEWEST:
        raise ConfigError(
            f"an SVM wants at least {FEWEST} examples with and {FEWEST} without an object,"
            f" got {len(positives)} and {len(negatives)}"
        )
    is_positive = np.arange(len(positives) + len(negatives)) < len(positives)
    return np.concatenate((positives, negatives)), is_positive


def check_scikit_learn() -> None:
    """Check that what fits is there.

    Raises:
        EngineError: it is not.
    """
    if find_spec("sklearn") is None:
        raise EngineError(f"scikit-learn is not installed: {to_install('classical')}")


def _svm(cost: float) -> Any:
    from sklearn.svm import LinearSVC

    # The dual solver draws at random and may stop early; the primal one does neither.
    return LinearSVC(C=cost, dual=False, class_weight="balanced", max_iter=10_000)
