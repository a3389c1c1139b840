"""Options that detectors share, and what they mean together with a model's configuration."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from streamdet.config.names import NameOf
from streamdet.config.options import Options
from streamdet.config.suggestions import closest, listed
from streamdet.errors import ConfigError
from streamdet.models.input_size import Budget, sized
from streamdet.models.model_config import Hw, ModelConfig, Precision

_Unit = Annotated[float, Field(ge=0, le=1)]
_Scale = Annotated[float, Field(gt=0, le=8)]


def _read_input(value: object) -> object:
    """Turn 544x960 into its two sides; auto and two sides stay as they are."""
    if value == "auto" or (isinstance(value, (list, tuple)) and len(value) == 2):
        return value if value == "auto" else tuple(value)
    found = re.fullmatch("([0-9]{1,5})x([0-9]{1,5})", str(value))
    if found is None:
        raise ValueError("must be auto or height x width, such as 544x960")
    return tuple(map(int, found.groups()))


InputChoice = Annotated[
    Literal["auto"] | Hw,
    BeforeValidator(_read_input),
    WithJsonSchema({"type": "string", "pattern": "^(auto|[0-9]+x[0-9]+)$"}),
]
"""The option `input` of detectors: a height and width in pixels, or auto."""


class DetectorOptions(Options):
    """What every detector understands."""

    model: str = Field(min_length=1, description="Name in configs/models, or path of a .yaml file.")
    score_thresh: _Unit | None = Field(
        None, description="Lowest score that is kept; by default the model's."
    )
    iou_thresh: _Unit | None = Field(
        None, description="Overlap (IoU) above which the lower score goes; by default the model's."
    )
    classes: tuple[str, ...] | None = Field(
        None, min_length=1, description="Names of the classes that are kept; by default all."
    )
    suppression: Literal["greedy", "soft_linear", "soft_gaussian"] = Field(
        "greedy",
        description="Of overlapping boxes the worse ones go, or (soft) lose score; the gaussian"
        " decay knows no iou_thresh.",
    )
    max_detections: int = Field(300, ge=1, le=1000, description="Most boxes kept in an image.")
    scales: tuple[_Scale, ...] = Field(
        (1.0,),
        min_length=1,
        max_length=16,
        description="Scales at which a prepared image is seen, in tiles; see docs/accuracy.md.",
    )
    threads: int = Field(1, ge=1, le=256, description="CPU threads of one image's detection.")


class NetworkOptions(DetectorOptions):
    """What every detector with a network understands."""

    runtime: Annotated[str, NameOf("runtime", also=("auto",))] = Field(
        "auto",
        description="auto: the fastest here of the model's runtimes that are installed; it is"
        " measured once.",
    )
    input: InputChoice = Field(
        "auto",
        description="Height x width of the network's image, e.g. 544x960. auto: of the model's"
        " sizes the one that suits the source's resolution and the `budget`.",
    )
    budget: Budget = Field(
        "auto",
        description="By which `input: auto` chooses. realtime: what keeps up with the cameras;"
        " balanced: 60 % of a source's resolution; best: all of it. auto: realtime for cameras,"
        " balanced for files.",
    )
    precision: Precision | None = Field(
        None,
        description="Arithmetic; by default (or auto) the fastest that the model's configuration"
        " allows. int8: the file that `models build` made for the runtime; int8+: large fully"
        " connected layers in 8 bits (openvino).",
    )


def check_options(options: DetectorOptions, model: ModelConfig) -> None:
    """Check what only the model's configuration can tell.

    Raises:
        ConfigError: `classes` names a class that the model does not know.
    """
    for name in options.classes or ():
        if name not in model.classes:
            close = closest(name, model.classes)
            hint = f", did you mean {close!r}?" if close else f"; it has {listed(model.classes)}"
            raise ConfigError(f"classes: model {model.name!r} has no class {name!r}{hint}")


def sized_by(options: DetectorOptions, model: ModelConfig) -> ModelConfig:
    """Give a model the input sizes that the options leave it.

    With `scales`, whose tiles are of one size, that is the model's own.

    Raises:
        ConfigError: `input` is a size that the model's network does not take; begins with "input".
    """
    if not isinstance(options, NetworkOptions):
        return model
    stated = None if options.input == "auto" else options.input
    if stated is None and options.scales != (1.0,):
        return model
    try:
        return sized(model, stated, options.budget)
    except ConfigError as exc:
        raise ConfigError(f"input {exc}") from exc
