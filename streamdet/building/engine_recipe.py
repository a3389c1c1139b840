"""engines/recipes/NAME.yaml: how a model's network is brought to a lower precision and compiled."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from streamdet.config.files import find_config, shipped_names
from streamdet.config.options import Options
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import read_yaml
from streamdet.models.model_config import ModelConfig

FOLDER: Final = "engines/recipes"
_Batch = Annotated[int, Field(ge=1, le=256)]


class EngineRecipe(Options):
    """How an engine or an int8 file is made; a model without a file of its own gets the defaults.

    Raises:
        ValueError: the batches do not rise.
    """

    batches: tuple[_Batch, _Batch, _Batch] = Field(
        (1, 4, 8), description="Least, usual and largest number of images at a time."
    )
    tolerance: float = Field(
        0.01, ge=0, le=1, description="Most AP that a lower precision may lose (0..1)."
    )
    keep_fp32: tuple[str, ...] = Field(
        (), description="Names of nodes of the ONNX file that stay in fp32."
    )
    calibration: Literal["minmax", "entropy", "percentile"] = Field(
        "percentile", description="How ranges of int8 follow from what the images give."
    )
    least_images: int = Field(32, ge=1, description="Fewest images to calibrate int8 with.")
    most_images: int = Field(128, ge=1, description="Most of them that are looked at.")

    @model_validator(mode="after")
    def _rising(self) -> EngineRecipe:
        if list(self.batches) != sorted(self.batches):
            raise ValueError(f"batches must rise, got {list(self.batches)}")
        return self

    def digest(self) -> str:
        """Hash it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def engine_recipe(model: ModelConfig, path: Path | None = None) -> EngineRecipe:
    """Find a model's recipe.

    Args:
        model: whose network it is.
        path: of a recipe; None: the shipped one of the model's name, else the defaults.

    Raises:
        ConfigError: there is no such file, or it says something wrong.
    """
    if path is None and model.name not in shipped_names(FOLDER):
        return EngineRecipe()
    text = read_yaml(path or find_config(model.name, FOLDER))
    return checked(EngineRecipe, text, (), text.values or {})
