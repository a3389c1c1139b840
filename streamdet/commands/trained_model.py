"""What `streamdet train` leaves: a model, measured as it will run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamdet.assemble import make_detector
from streamdet.commands.progress_through import progress_through
from streamdet.commands.score_text import print_scores
from streamdet.errors import ConfigError
from streamdet.evaluation.pictures import PictureDetector
from streamdet.evaluation.scores import score_results
from streamdet.evaluation.truth import TruthImage
from streamdet.model_config import ModelConfig
from streamdet.training.validation import Pictures, ValidationSet


def new_folder(path: Path, name: str) -> Path:
    """Make the folder of a new model.

    Raises:
        ConfigError: it holds one of this name, or cannot be made.
    """
    config = path / f"{name}.yaml"
    if config.exists():
        raise ConfigError(
            f"{config} is there already and of no training here: wanted another --output"
        )
    return made_folder(path)


def made_folder(path: Path) -> Path:
    """Make the folder of the results.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"--output {path}: cannot be made: {exc.strerror}") from exc
    return path


def measure(model: ModelConfig, validation: Sequence[ValidationSet], options: Any) -> None:
    """Print how good a model is on each source.

    Args:
        model: with its weights, its network built.
        validation: the sources.
        options: of its detector.

    Raises:
        ConfigError: a picture cannot be read, or a library is missing.
        EngineError: it cannot run here.
    """
    for each in validation:
        detector, runtime = make_detector(options, model)
        found = each.detected(PictureDetector(detector, model), model.classes, _shown)
        about = {"model": model.name, "runtime": runtime, "validation": each.truth.name}
        print_scores(replace(score_results(each.truth, found, "bbox"), about=about), sys.stdout)


def name(config: Path) -> None:
    """Say where a model is and how it is used."""
    print(f"{config}: the model, to be named where a model is: --set detect.model={config}")


def _shown(pictures: Pictures) -> Iterator[tuple[TruthImage, Path]]:
    return progress_through(pictures, "pictures", sys.stdout)
