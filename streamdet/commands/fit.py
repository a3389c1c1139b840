"""`streamdet train RECIPE` where the recipe says `fit:`: linear SVMs instead of steps."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from streamdet.commands import trained_model
from streamdet.commands.progress_through import progress_through
from streamdet.config.suggestions import nearest
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import YamlText
from streamdet.detectors.parts.built_in import built_in
from streamdet.errors import ConfigError
from streamdet.evaluation.extra import check_extra
from streamdet.models.model_config import load_model_config
from streamdet.registry import FITTINGS, load_fit_recipe, load_fitting
from streamdet.system.redaction import short
from streamdet.training.validation import measured_options

Item = TypeVar("Item")


def fit(text: YamlText, recipe_path: Path, output: Path | None) -> None:
    """Fit, measure, and say where the model is.

    Args:
        text: the recipe.
        recipe_path: its file.
        output: folder of the results; None: trained/NAME.

    Raises:
        ConfigError: the recipe, a label or a patch is wrong, or what measures is missing.
        EngineError: a library is missing, or the model cannot be written.
    """
    kind = _kind(text)
    recipe = checked(load_fit_recipe(kind), text, (), {"name": recipe_path.stem, **text.values})
    if recipe.data is not None and recipe.data.is_measured_on:
        check_extra()
    folder = output or Path("trained") / recipe.name
    with trained_model.begun(folder, recipe.name, goes_on=False):
        fitting = load_fitting(kind)(recipe, text, folder)
    fitted = fitting(_tell, _through)
    model = load_model_config(str(fitted.config))
    if model.network is not None:
        from streamdet.building.build import build

        print(f"building {folder / model.name}.onnx", flush=True)
        build(str(fitted.config), folder)
    known = built_in(model)
    options = measured_options(model, known.score_thresh if known else 0.0, text, recipe.detector)
    trained_model.measure(model, fitted.validation, options)
    trained_model.name(fitted.config)


def _kind(text: YamlText) -> str:
    """Give the name of what is fitted.

    Raises:
        ConfigError: there is none of that name.
    """
    kind = text.values["fit"]
    if not isinstance(kind, str) or kind not in FITTINGS:
        raise ConfigError(
            f"{text.place(('fit',))}: fit {short(str(kind))!r} is unknown;"
            f" {nearest(str(kind), FITTINGS)}"
        )
    return kind


def _tell(sentence: str) -> None:
    print(sentence, flush=True)


def _through(items: Sequence[Item]) -> Iterator[Item]:
    return progress_through(items, "images", sys.stdout)
