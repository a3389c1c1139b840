"""How good a detector is on the validation sources of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from streamdet.config.validation import checked
from streamdet.config.yaml_loader import YamlText
from streamdet.evaluation.images import (
    LOWEST_SCORE,
    Detect,
    ImageDetector,
    detect_images,
    find_images,
)
from streamdet.evaluation.results import Result
from streamdet.evaluation.truth import Truth, TruthImage, TruthObject
from streamdet.models.model_config import ModelConfig
from streamdet.registry import load
from streamdet.runtimes import Runtime
from streamdet.training.examples import Faults, Part, labelled_classes, read_source
from streamdet.training.recipe import Data, DataSource

Images = Sequence[tuple[TruthImage, Path]]
Through = Callable[[Images], Iterator[tuple[TruthImage, Path]]]
"""Goes through images and shows how far it is."""


@dataclass(frozen=True, slots=True)
class ValidationSet:
    """A source to measure on: the classes that it labels completely, called as the model's."""

    truth: Truth
    images: Images

    @property
    def has_objects(self) -> bool:
        """Whether there is anything to be found: without, precision means nothing."""
        return any(not each.is_ignored for each in self.truth.objects)

    def detected(self, detect: Detect, names: tuple[str, ...], through: Through) -> list[Result]:
        """Detect in all images; see `detect_images`."""
        return detect_images(detect, self.truth, through(self.images), names)


def validation_sets(
    data: Data, classes: Sequence[str], faults: Faults
) -> tuple[ValidationSet, ...]:
    """Read the validation sources, and what is held out of the training sources.

    Raises:
        ConfigError: see `examples.read_source` and `examples.labelled_classes`.
    """
    held_out = [source for source in data.train if source.held_out]
    return (
        *(_validation_set(each, classes, faults, "whole") for each in data.validation),
        *(_validation_set(each, classes, faults, "held_out") for each in held_out),
    )


def _validation_set(
    source: DataSource, classes: Sequence[str], faults: Faults, part: Part
) -> ValidationSet:
    """Read a source.

    Raises:
        ConfigError: see `examples.read_source` and `examples.labelled_classes`.
    """
    truth = read_source(source, faults, part)
    names = labelled_classes(source, truth, classes)
    left_out = {source.rename.get(name, name) for name in source.ignore}
    regions = _regions(truth, left_out, names)
    truth = truth.of_classes([name for name in names if name in truth.category_ids])
    truth = replace(truth, objects=(*truth.objects, *regions))
    return ValidationSet(truth, find_images(truth, source.images, faults))


def measured_options(
    model: ModelConfig, built_in: float, recipe: YamlText, stated: dict[str, Any]
) -> Any:
    """Check the options of a model's detector as it is measured: with hardly any threshold.

    Args:
        model: what it decodes.
        built_in: lowest score that its network gives.
        recipe: where the options come from, for errors.
        stated: from the recipe's `detector`.

    Raises:
        ConfigError: an option is wrong.
    """
    kind = load("detector", model.detector)
    lowest = max(LOWEST_SCORE, built_in)
    values = {"score_thresh": lowest, **stated, "model": model.name}
    return checked(kind.Options, recipe, ("detector",), values)


def measured_detector(model: ModelConfig, runtime: Runtime, options: Any) -> ImageDetector:
    """Make a model's detector with checked options.

    Raises:
        ConfigError: the options do not fit the model.
    """
    kind = load("detector", model.detector)
    return ImageDetector(kind(options, model, runtime), model)


def _regions(truth: Truth, left_out: set[str], names: Sequence[str]) -> Iterator[TruthObject]:
    """Turn each object of an ignored class into a crowd region of each class that counts."""
    for each in truth.objects:
        if truth.categories[each.category_id] in left_out:
            for name in names:
                if name in truth.category_ids:
                    yield replace(each, category_id=truth.category_ids[name], is_crowd=True)
