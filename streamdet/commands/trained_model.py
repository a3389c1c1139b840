"""What `streamdet train` leaves: a model, measured as it will run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamdet.commands.progress_through import progress_through
from streamdet.commands.score_text import print_scores
from streamdet.config.yaml_loader import read_yaml
from streamdet.detectors.make import make_detector
from streamdet.errors import ConfigError
from streamdet.evaluation.images import ImageDetector
from streamdet.evaluation.scores import score_results
from streamdet.evaluation.truth import TruthImage
from streamdet.models.model_config import ModelConfig
from streamdet.training.validation import Images, ValidationSet


@contextmanager
def begun(folder: Path, name: str, *, goes_on: bool) -> Iterator[None]:
    """Make the folder of the results; where they cannot begin, leave what was there before.

    Args:
        folder: new or empty, so that nothing in it is written over; what a training leaves that was
            killed before its first checkpoint may be in it.
        name: of the model.
        goes_on: whether it holds results that are gone on with.

    Raises:
        ConfigError: it holds other files, or cannot be made.
    """
    config = folder / f"{name}.yaml"
    try:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        names = set() if missing else {each.name for each in folder.iterdir()}
        if names and not goes_on and not _has_hardly_begun(names, config):
            raise ConfigError(f"--output {folder}: is not empty, wanted a new folder")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"--output {folder}: cannot be made: {exc.strerror}") from exc
    try:
        yield
    except BaseException:
        with suppress(OSError):
            if config.name not in names:
                config.unlink(missing_ok=True)
            for each in missing:
                each.rmdir()
        raise


def _has_hardly_begun(names: set[str], config: Path) -> bool:
    """Tell whether files are those of a training without weights: its model's, and its log."""
    if not names <= {config.name, "log.jsonl"} or config.name not in names:
        return False
    values = read_yaml(config).values
    is_model = isinstance(values, dict) and isinstance(values.get("detector"), str)
    return is_model and "weights" not in values


def measure(model: ModelConfig, validation: Sequence[ValidationSet], options: Any) -> None:
    """Print how good a model is on each source.

    Args:
        model: with its weights, its network built.
        validation: the sources.
        options: of its detector.

    Raises:
        ConfigError: an image cannot be read, or a library is missing.
        EngineError: it cannot run here.
    """
    for each in validation:
        detector, runtime = make_detector(options, model)
        found = each.detected(ImageDetector(detector, model), model.classes, _shown)
        about = {"model": model.name, "runtime": runtime, "validation": each.truth.name}
        print_scores(replace(score_results(each.truth, found, "bbox"), about=about), sys.stdout)


def name(config: Path) -> None:
    """Say where a model is and how it is used."""
    print(f"{config}: the model, to be named where a model is: --set detect.model={config}")


def _shown(images: Images) -> Iterator[tuple[TruthImage, Path]]:
    return progress_through(images, "images", sys.stdout)
