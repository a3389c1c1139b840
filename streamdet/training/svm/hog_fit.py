"""Fits a HOG + SVM: Dalal, Triggs, "Histograms of Oriented Gradients ...", CVPR 2005, section 4.

A first SVM is fitted to windows with and without an object; the detector then searches the labelled
pictures, and what it finds wrongly is learnt from as well. Departures: scikit-learn's SVM (squared
hinge) in place of SVMLight's, and as many rounds of searching as the recipe says.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.margins import MarginScale
from streamdet.detectors.parts.window_svm import WindowSvm, save_window_svm
from streamdet.errors import ConfigError
from streamdet.field_errors import checked
from streamdet.model_config import load_model_config
from streamdet.registry import KINDS, load
from streamdet.training.examples import Example, Faults, examples_of
from streamdet.training.model_file import read_model_file, weights_entry, write_model_file
from streamdet.training.svm import Fitted, Tell, Through
from streamdet.training.svm.hog_examples import HogExamples
from streamdet.training.svm.hog_recipe import HogRecipe, Patches
from streamdet.training.svm.linear_svm import LinearSvm, fit_scale, fit_svm
from streamdet.training.validation import ValidationSet, validation_sets
from streamdet.transforms import Transform
from streamdet.yaml_text import YamlText

Floats = npt.NDArray[np.float32]
Sides = tuple[Floats, Floats]
"""Features with an object and without."""


class HogSvmFit:
    """See `svm.Fitting`."""

    Recipe: ClassVar = HogRecipe

    def __init__(self, recipe: HogRecipe, text: YamlText, folder: Path) -> None:
        """Read the labels and the patches.

        Raises:
            ConfigError: the model is no HOG + SVM, or a label, a patch or the transform is wrong.
            EngineError: OpenCV is missing or has no HOGDescriptor.
        """
        self._recipe = recipe
        self._config = folder / f"{recipe.name}.yaml"
        self._examples = HogExamples(recipe, _transform(recipe, text))
        self._pictures, self._validation, self._faults = _labelled(recipe)
        patches = recipe.patches
        self._patches = self._of_patches(patches.train if patches else (), flips=recipe.flip)
        self._held = self._of_patches(patches.validation if patches else (), flips=False)

    def __call__(self, tell: Tell, through: Through) -> Fitted:
        """Fit, search for hard negatives, fit again; write NAME.npz and NAME.yaml.

        Raises:
            ConfigError: there is too little to learn from, or a picture cannot be read.
            EngineError: scikit-learn is missing, or the model cannot be written.
        """
        for sentence in self._faults:
            tell(f"left out: {sentence}")
        sides = self._first_examples(through)
        svm = self._fit(sides, tell)
        for round_, pictures in enumerate(self._searched()):
            hard = self._hard_negatives(svm, pictures, through)
            tell(f"search {round_ + 1}: {len(hard)} false windows in {len(pictures)} pictures")
            if not len(hard):
                break
            sides = sides[0], np.concatenate((sides[1], hard))
            svm = self._fit(sides, tell)
        scale = fit_scale(*sides, self._recipe.cost)
        self._write(self._window_svm(svm, scale))
        return Fitted(self._config, self._validation)

    def _first_examples(self, through: Through) -> Sides:
        both = [self._patches]
        both += [self._examples.of_picture(each, index)
                 for index, each in enumerate(through(self._pictures))]  # fmt: skip
        return _stacked(both)

    def _searched(self) -> list[list[Example]]:
        """List the pictures of each round; rounds without any are left out."""
        rounds = self._recipe.rounds
        if self._recipe.search == "all":
            return [self._pictures] * rounds if self._pictures else []
        parts = [self._pictures[start::rounds] for start in range(rounds)]
        return [part for part in parts if part]

    def _hard_negatives(self, svm: LinearSvm, pictures: list[Example], through: Through) -> Floats:
        scanned = self._window_svm(svm, MarginScale(0.0, 1.0))
        found = [self._examples.hard_negatives(scanned, each) for each in through(pictures)]
        return np.concatenate(found)

    def _of_patches(self, sources: Iterable[Patches], *, flips: bool) -> Sides:
        nothing = self._examples.nothing
        both = [self._examples.of_patches(source, flips=flips) for source in sources]
        return _stacked([(nothing, nothing), *both])

    def _fit(self, sides: Sides, tell: Tell) -> LinearSvm:
        """Fit, and tell what it makes of the patches that are measured on."""
        svm = fit_svm(*sides, self._recipe.cost)
        tell(f"fitted to {len(sides[0])} windows with and {len(sides[1])} without an object")
        positives, negatives = (svm.margins(side) > 0 for side in self._held)
        if count := len(positives) + len(negatives):
            right = int(positives.sum() + (~negatives).sum())
            tell(
                f"validation patches: {right} of {count} right ({right / count:.3f}):"
                f" {(~positives).sum()} of {len(positives)} objects missed,"
                f" {negatives.sum()} of {len(negatives)} others taken for one"
            )
        return svm

    def _window_svm(self, svm: LinearSvm, scale: MarginScale) -> WindowSvm:
        recipe = self._recipe
        return WindowSvm(recipe.geometry, svm.coefficients, svm.bias, recipe.shrink_xy, scale)

    def _write(self, svm: WindowSvm) -> None:
        path = self._config.with_suffix(".npz")
        part = path.with_name(f".{path.name}")
        save_window_svm(svm, part)
        part.replace(path)
        origin = f"streamdet train, recipe {self._recipe.name}, fit hog_svm"
        entry = weights_entry(path, self._recipe.licence, origin)
        write_model_file({**_values(self._recipe), "weights": entry}, self._config)


def _values(recipe: HogRecipe) -> dict[str, Any]:
    """What the model's file holds, but for its weights."""
    stated = {"transform": recipe.transform, "score_thresh": recipe.score_thresh}
    changes = {key: value for key, value in stated.items() if value is not None}
    return {
        **read_model_file(recipe.model),
        "name": recipe.name,
        "classes": list(recipe.classes),
        **changes,
    }


def _transform(recipe: HogRecipe, text: YamlText) -> Transform:
    """Make the detector's transform.

    Raises:
        ConfigError: the recipe's model is of another kind, or what it says is wrong.
    """
    base = load_model_config(recipe.model)
    if base.detector != "hog_svm":
        raise ConfigError(
            f"{text.place(('model',))}: model must be of the kind hog_svm,"
            f" {base.name!r} is {base.detector!r}"
        )
    options = dict(recipe.transform or {"kind": base.transform.kind, **base.transform_options})
    name = options.pop("kind", None)
    if name not in KINDS["transform"]:
        known = ", ".join(KINDS["transform"])
        raise ConfigError(
            f"{text.place(('transform',))}: transform.kind must be one of {known}, got {name!r}"
        )
    kind = load("transform", name)
    transform: Transform = kind(checked(kind.Options, text, ("transform",), options))
    return transform


def _labelled(recipe: HogRecipe) -> tuple[list[Example], tuple[ValidationSet, ...], list[str]]:
    """Read the labelled pictures to learn from and to measure on, and what is wrong with them."""
    if recipe.data is None:
        return [], (), []
    faults = Faults(are_skipped=recipe.data.bad_labels == "skip")
    examples: list[Example] = []
    for source in recipe.data.train:
        examples += examples_of(source, recipe.classes, faults)
    again = Faults(are_skipped=faults.are_skipped)  # of sources that are read for the second time
    return examples, validation_sets(recipe.data, recipe.classes, again), faults.sentences


def _stacked(both: list[Sides]) -> Sides:
    positives, negatives = zip(*both, strict=True)
    return np.concatenate(positives), np.concatenate(negatives)
