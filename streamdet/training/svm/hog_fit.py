"""Fits a HOG + SVM: Dalal, Triggs, "Histograms of Oriented Gradients ...", CVPR 2005, section 4.

A first SVM is fitted to windows with and without an object; the detector then searches the labelled
images, and what it finds wrongly is learnt from as well. Departures: scikit-learn's SVM (squared
hinge) in place of SVMLight's, and as many rounds of searching as the recipe says.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamdet.config.validation import checked
from streamdet.config.yaml_loader import YamlText
from streamdet.detectors.parts.window_svm import WindowSvm, save_window_svms
from streamdet.errors import ConfigError
from streamdet.models.model_config import load_model_config
from streamdet.registry import KINDS, load
from streamdet.training.examples import Example, Faults, examples_of
from streamdet.training.model_file import read_model_file, weights_entry, write_model_file
from streamdet.training.svm import Fitted, Tell, Through
from streamdet.training.svm.hog_recipe import HogRecipe
from streamdet.training.svm.linear_svm import check_scikit_learn
from streamdet.training.svm.view_fit import ViewFit
from streamdet.training.validation import ValidationSet, validation_sets
from streamdet.transforms import Transform


class HogSvmFit:
    """See `svm.Fitting`."""

    def __init__(self, recipe: HogRecipe, text: YamlText, folder: Path) -> None:
        """Read the labels and the patches.

        Raises:
            ConfigError: the model is no HOG + SVM, or a label, a patch or the transform is wrong.
            EngineError: scikit-learn or OpenCV is missing, or OpenCV has no HOGDescriptor.
        """
        check_scikit_learn()
        self._recipe = recipe
        self._config = folder / f"{recipe.name}.yaml"
        transform = _transform(recipe, text)
        self._views = [ViewFit(recipe, number, transform) for number in range(len(recipe.views))]
        self._images, self._validation, self._told = _labelled(recipe)

    def __call__(self, tell: Tell, through: Through) -> Fitted:
        """Fit each view; write NAME.npz and NAME.yaml.

        Raises:
            ConfigError: there is too little to learn from, or an image cannot be read.
            EngineError: the model cannot be written.
        """
        for sentence in self._told:
            tell(sentence)
        self._write([svm for fit in self._views for svm in fit(self._images, tell, through)])
        return Fitted(self._config, self._validation)

    def _write(self, svms: Sequence[WindowSvm]) -> None:
        path = self._config.with_suffix(".npz")
        save_window_svms(svms, path)
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
    if not isinstance(name, str) or name not in KINDS["transform"]:
        known = ", ".join(KINDS["transform"])
        raise ConfigError(
            f"{text.place(('transform',))}: transform.kind must be one of {known}, got {name!r}"
        )
    kind = load("transform", name)
    transform: Transform = kind(checked(kind.Options, text, ("transform",), options))
    return transform


def _labelled(recipe: HogRecipe) -> tuple[list[Example], tuple[ValidationSet, ...], list[str]]:
    """Read the labelled images to learn from and to measure on, and say what is wrong."""
    if recipe.data is None:
        return [], (), []
    faults = Faults(are_skipped=recipe.data.bad_labels == "skip")
    examples: list[Example] = []
    for source in recipe.data.train:
        examples += examples_of(source, recipe.classes, faults)
    again = Faults(are_skipped=faults.are_skipped)  # of sources that are read for the second time
    told = [f"left out: {sentence}" for sentence in faults.sentences] + faults.notes
    return examples, validation_sets(recipe.data, recipe.classes, again), told
