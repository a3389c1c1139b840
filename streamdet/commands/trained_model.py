"""What `streamdet train` leaves: a model, measured as it will run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


@contextmanager
def begun(folder: Path, *, goes_on: bool) -> Iterator[None]:
    """Make the folder of the results; where they cannot begin, leave what was there before.

    Args:
        folder: new or empty, so that nothing in it is written over.
        goes_on: whether it holds results that are gone on with.

    Raises:
        ConfigError: it holds files, or cannot be made.
    """
    try:
        before = set(folder.iterdir()) if folder.exists() else None
        if before and not goes_on:
            raise ConfigError(f"--output {folder}: is not empty, wanted a new folder")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"--output {folder}: cannot be made: {exc.strerror}") from exc
    try:
        yield
    except BaseException:
        for path in set(folder.iterdir()) - (before or set()):
            path.unlink(missing_ok=True)
        if before is None:
            folder.rmdir()
        raise


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
