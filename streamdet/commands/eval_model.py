"""`streamdet eval model NAME`: a detector over the images of a data set."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from streamdet.commands.progress_through import progress_through
from streamdet.commands.set_options import options_text
from streamdet.config.suggestions import nearest
from streamdet.config.validation import checked
from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.built_in import built_in
from streamdet.detectors.parts.options import DetectorOptions, sized_by
from streamdet.errors import ConfigError
from streamdet.evaluation.class_notes import class_notes, some
from streamdet.evaluation.images import (
    LOWEST_SCORE,
    ImageDetector,
    detect_images,
    find_images,
)
from streamdet.evaluation.results import write_results
from streamdet.evaluation.scores import Scores, score_all
from streamdet.evaluation.truth import Truth
from streamdet.evaluation.truths.images import read_truth
from streamdet.models.model_config import ModelConfig, load_model_config
from streamdet.registry import load


def run(args: Namespace) -> list[Scores]:
    """Detect in all images; score the boxes, and masks and points where model and truth have any.

    Raises:
        ConfigError: an argument, the truth or an image is wrong.
        EngineError: the model cannot run here.
    """
    model = load_model_config(args.model)
    options = _options(model, args.set)
    model = sized_by(options, model)
    asked = classes_asked(args.classes, options.classes)
    detector, runtime = make_detector(options, model)
    truth = shared_classes(read_truth(args.truth, args.images), model, asked)
    images = find_images(truth, args.images)
    start_s = time.monotonic()
    found = detect_images(
        ImageDetector(detector, model),
        truth,
        progress_through(images, "images", sys.stdout),
        model.classes,
    )
    fps = len(images) / (time.monotonic() - start_s)
    if args.results is not None:
        write_results(args.results, found)
    about = {"model": model.name, "runtime": runtime, "images a second": fps}
    notes = floor_notes(model)
    return [
        replace(each, about=about, notes=(*each.notes, *notes)) for each in score_all(truth, found)
    ]


def classes_asked(measured: str | None, kept: tuple[str, ...] | None) -> Sequence[str] | None:
    """Name the classes to measure: those asked for, else those that the detector keeps; None: all.

    Raises:
        ConfigError: a class is asked for that the detector does not keep.
    """
    if measured is None:
        return kept
    asked = measured.split(",")
    for name in asked:
        if kept is not None and name not in kept:
            raise ConfigError(f"--classes: {name!r} is not among --set classes: {', '.join(kept)}")
    return asked


def floor_notes(model: ModelConfig) -> tuple[str, ...]:
    """Say when average precision lacks low scores, because the network does not give them."""
    known = built_in(model)
    if known is None or known.score_thresh <= LOWEST_SCORE:
        return ()
    return (
        f"the network of {model.name} keeps scores only from {known.score_thresh:g} on: what it"
        " finds below counts as not found",
    )


def shared_classes(truth: Truth, model: ModelConfig, asked: Sequence[str] | None) -> Truth:
    """Keep the classes that are asked for, or those that the model and the truth share.

    Raises:
        ConfigError: the model or the truth has not what is asked for, or they share nothing.
    """
    if asked is not None:
        for name in asked:
            if name not in model.classes:
                raise ConfigError(
                    f"--classes: model {model.name!r} has no class {name!r};"
                    f" {nearest(name, model.classes)}"
                )
        return truth.of_classes(asked)
    names = [name for name in truth.categories.values() if name in model.classes]
    if not names:
        raise ConfigError(
            f"{truth.name}: has no class of model {model.name!r};"
            f" it has {some(truth.categories.values())}, the model {some(model.classes)}"
        )
    shared = truth.of_classes(names)
    return replace(shared, notes=(*shared.notes, *class_notes(truth, model.classes, "the model")))


def _options(model: ModelConfig, entries: Sequence[str]) -> DetectorOptions:
    text = options_text(entries)
    known = built_in(model)
    lowest = LOWEST_SCORE if known is None else max(LOWEST_SCORE, known.score_thresh)
    values: dict[str, Any] = {"score_thresh": lowest, **text.values, "model": model.name}
    options: DetectorOptions = checked(load("detector", model.detector).Options, text, (), values)
    return options
