"""Fits a bag of visual words: words by k-means, a linear SVM for each class (scikit-learn's).

Lazebnik et al., CVPR 2006, section 4; the searches for hard negatives are those of van de Sande et
al., ICCV 2011, section 4. N regions, C classes, K words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.config.yaml_loader import YamlText
from streamdet.detectors.parts.bow_model import BowModel, save_bow_model
from streamdet.errors import ConfigError
from streamdet.models.model_config import load_model_config
from streamdet.registry import load
from streamdet.training.examples import Faults, examples_of
from streamdet.training.model_file import read_model_file, weights_entry, write_model_file
from streamdet.training.svm import Fitted, Tell, Through
from streamdet.training.svm.bow_examples import BowExamples, Regions
from streamdet.training.svm.bow_recipe import BowRecipe
from streamdet.training.svm.linear_svm import (
    FEWEST,
    LinearSvm,
    Side,
    check_scikit_learn,
    fit_scale,
    fit_svm,
    fit_with_hard_negatives,
)
from streamdet.training.validation import validation_sets

Floats = npt.NDArray[np.float32]

_FOR_WORDS: Final = 250  # images, evenly chosen: more do not change what is common


class BowSpmFit:
    """See `svm.Fitting`."""

    def __init__(self, recipe: BowRecipe, text: YamlText, folder: Path) -> None:
        """Read the labels.

        Raises:
            ConfigError: the model is no bag of words, or a label is wrong.
            EngineError: scikit-learn or OpenCV is missing.
        """
        check_scikit_learn()
        base = load_model_config(recipe.model)
        if base.detector != "bow_spm":
            raise ConfigError(
                f"{text.place(('model',))}: model must be of the kind bow_spm,"
                f" {base.name!r} is {base.detector!r}"
            )
        kind = load("transform", base.transform.kind)
        transform = kind(kind.Options(**base.transform_options))
        faults = Faults(are_skipped=recipe.data.bad_labels == "skip")
        examples = [
            each
            for source in recipe.data.train
            for each in examples_of(source, recipe.classes, faults)
        ]
        self._recipe = recipe
        self._config = folder / f"{recipe.name}.yaml"
        self._told = [f"left out: {sentence}" for sentence in faults.sentences] + faults.notes
        self._validation = validation_sets(
            recipe.data, recipe.classes, Faults(are_skipped=faults.are_skipped)
        )
        self._images = [
            BowExamples(recipe, transform, example, number)
            for number, example in enumerate(examples)
        ]
        self._is_labelled = np.array([each.is_labelled for each in self._images])

    def __call__(self, tell: Tell, through: Through) -> Fitted:
        """Find the words, fit the SVMs, search, fit again; write NAME.npz and NAME.yaml.

        Raises:
            ConfigError: there is too little to learn from, or an image cannot be read.
            EngineError: the model cannot be written.
        """
        for sentence in self._told:
            tell(sentence)
        words = self._fitted_words(tell, through)
        for image in through(self._images):
            image.learn(words)
        regions = joined([each.regions(len(words)) for each in self._images])
        svms = self._first(regions)
        for round_ in range(self._recipe.rounds):
            coefficients, biases = _stacked(svms)
            found = [
                each.hard_negatives(coefficients, biases, len(words), round_)
                for each in through(self._images)
            ]
            regions = joined([regions, *found])
            svms = self._first(regions)
        self._write(words, self._fitted(regions, tell), self._scales(regions))
        return Fitted(self._config, self._validation)

    def _fitted_words(self, tell: Tell, through: Through) -> Floats:
        """Find the centres (K, 128) of descriptors drawn from images of all sources.

        Raises:
            ConfigError: there are fewer descriptors than words.
        """
        from sklearn.cluster import KMeans

        recipe = self._recipe
        some = self._images[:: -(-len(self._images) // _FOR_WORDS)]
        share = -(-recipe.most_descriptors // len(some))
        drawn = np.concatenate([each.descriptors(share) for each in through(some)])
        if len(drawn) < recipe.words:
            raise ConfigError(f"{recipe.words} words want as many descriptors, got {len(drawn)}")
        tell(f"{recipe.words} words of {len(drawn)} descriptors")
        means = KMeans(recipe.words, n_init=1, random_state=recipe.seed).fit(drawn)
        return np.asarray(means.cluster_centers_, np.float32)

    def _first(self, regions: Regions) -> list[LinearSvm]:
        """Fit each class's SVM to as many negatives as the recipe begins with, to search by."""
        first, cost, svms = self._recipe.first, self._recipe.cost, []
        for class_id in range(len(self._recipe.classes)):
            positives, negatives = self._sides(regions, class_id)
            svms.append(fit_svm(positives.features, negatives.features[:first], cost))
        return svms

    def _fitted(self, regions: Regions, tell: Tell) -> list[LinearSvm]:
        """Fit each class's SVM to the regions whose images label the class."""
        svms = []
        for class_id, name in enumerate(self._recipe.classes):
            positives, negatives = self._sides(regions, class_id)
            *_, (svm, rows) = fit_with_hard_negatives(
                positives.features, negatives.features, self._recipe.cost, self._recipe.first
            )
            tell(
                f"{name}: {len(positives.features)} regions with one, {len(rows)} of"
                f" {len(negatives.features)} without"
            )
            svms.append(svm)
        return svms

    def _scales(self, regions: Regions) -> Floats:
        """Fit scores (C, 2) to margins: half and steepness."""
        scales = []
        for class_id in range(len(self._recipe.classes)):
            positives, negatives = self._sides(regions, class_id)
            few = negatives.rows(np.arange(len(negatives.images))[: self._recipe.first])
            scale = fit_scale(positives, few, self._recipe.cost)
            scales.append((scale.half, scale.steepness))
        return np.array(scales, np.float32)

    def _sides(self, regions: Regions, class_id: int) -> tuple[Side, Side]:
        """Tell regions with an object of a class from the others, which come in random order.

        Raises:
            ConfigError: there are too few of a side.
        """
        is_one = regions.class_ids == class_id
        is_other = ~is_one & self._is_labelled[regions.images, class_id]
        name, count = self._recipe.classes[class_id], int(is_one.sum())
        if min(count, int(is_other.sum())) < FEWEST:
            raise ConfigError(
                f"class {name!r} wants at least {FEWEST} regions with one and as many without,"
                f" got {count} and {int(is_other.sum())}"
            )
        rng = np.random.default_rng([self._recipe.seed, class_id])
        sides = (np.flatnonzero(is_one), rng.permutation(np.flatnonzero(is_other)))
        positives, negatives = (Side(regions.features[rows], regions.images[rows])
                                for rows in sides)  # fmt: skip
        return positives, negatives

    def _write(self, words: Floats, svms: Sequence[LinearSvm], scales: Floats) -> None:
        recipe, path = self._recipe, self._config.with_suffix(".npz")
        save_bow_model(BowModel(recipe.geometry, words, *_stacked(svms), scales), path)
        stated: dict[str, Any] = {"name": recipe.name, "classes": list(recipe.classes)}
        if recipe.score_thresh is not None:
            stated["score_thresh"] = recipe.score_thresh
        origin = f"streamdet train, recipe {recipe.name}, fit bow_spm"
        entry = weights_entry(path, recipe.licence, origin)
        write_model_file(
            {**read_model_file(recipe.model), **stated, "weights": entry}, self._config
        )


def joined(parts: Sequence[Regions]) -> Regions:
    """Put regions behind each other."""
    return Regions(
        np.concatenate([each.features for each in parts]),
        np.concatenate([each.class_ids for each in parts]),
        np.concatenate([each.images for each in parts]),
    )


def _stacked(svms: Sequence[LinearSvm]) -> tuple[Floats, Floats]:
    coefficients = np.stack([each.coefficients for each in svms])
    return coefficients, np.array([each.bias for each in svms], np.float32)
