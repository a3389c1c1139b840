"""What a training leaves: a model configuration with its weights beside it, ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from torch import Tensor

from streamdet.config.yaml_loader import read_yaml
from streamdet.detectors.parts.network import image_hw
from streamdet.errors import ConfigError
from streamdet.models.model_config import ModelConfig, load_model_config
from streamdet.registry import NETWORKS, OBJECTIVES, load
from streamdet.system.atomic_file import write_whole
from streamdet.training.model_file import read_model_file, weights_entry, write_model_file

WEIGHTS: Final = "weights.safetensors"


class Named(Protocol):
    """What a recipe says of the model that comes out: see `recipe.Recipe`."""

    @property
    def model(self) -> str: ...  # noqa: D102

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def classes(self) -> tuple[str, ...] | None: ...  # noqa: D102

    @property
    def hw(self) -> tuple[int, int] | None: ...  # noqa: D102

    @property
    def network(self) -> dict[str, Any]: ...  # noqa: D102

    @property
    def licence(self) -> str: ...  # noqa: D102


def find_model(recipe: Named) -> ModelConfig:
    """Find the model that another is made from.

    Raises:
        ConfigError: there is no such model, or it cannot be trained.
    """
    model = load_model_config(recipe.model)
    if model.network is None or model.input is None or model.detector not in OBJECTIVES:
        trained = sorted(OBJECTIVES.keys() & NETWORKS.keys())
        raise ConfigError(
            f"model {model.name!r} cannot be trained: wanted one that states its network, of the"
            f" kind {', '.join(trained)}; {model.name!r} is {model.detector!r}"
        )
    return model


def write_model(recipe: Named, folder: Path, *, keeps_weights: bool) -> ModelConfig:
    """Write the configuration of the model that is to be trained.

    Args:
        recipe: names the model that it is made from and what differs.
        folder: gets NAME.yaml.
        keeps_weights: whether it names the weights that the file there names.

    Raises:
        ConfigError: there is no such model, it cannot be trained, or what differs is wrong.
    """
    base = find_model(recipe)
    values = read_model_file(recipe.model)
    path = folder / f"{recipe.name}.yaml"
    if keeps_weights and path.is_file() and "weights" in (known := read_yaml(path).values):
        values["weights"] = known["weights"]
    values |= {
        "name": recipe.name,
        "network": {**(base.network or {}), **recipe.network},
        "classes": list(recipe.classes or base.classes),
    }
    if recipe.hw is not None:
        sees_images = image_hw(load("detector", base.detector), base) is not None
        if sees_images:
            values["input"] = {**values["input"], "hw": list(recipe.hw)}
        if "hw" in values["transform"] or not sees_images:
            values["transform"] = {**values["transform"], "hw": list(recipe.hw)}
    write_model_file(values, path)
    return load_model_config(str(path))


def write_weights(weights: Mapping[str, Tensor], recipe: Named, folder: Path, origin: str) -> None:
    """Write weights and name them in the model's configuration.

    Args:
        weights: of the network, by name.
        recipe: names the model and their licence.
        folder: holds NAME.yaml; gets weights.safetensors.
        origin: where they come from, in words.
    """
    from safetensors.torch import save

    path, config = folder / WEIGHTS, folder / f"{recipe.name}.yaml"
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    write_whole(path, save(tensors))
    values = read_yaml(config).values
    values["weights"] = weights_entry(path, recipe.licence, origin)
    write_model_file(values, config)
