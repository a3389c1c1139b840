"""Packs a trained model to be shipped: NAME.onnx, small, and NAME.yaml, which names it.

Such a model needs neither torch nor a building: its weights file holds the network, and is checked
like any other. What it was made from stands in its metadata. What was fitted without a network
(.npz) ships as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from streamdet.building.compact import compact
from streamdet.config.files import find_config
from streamdet.config.yaml_loader import read_yaml
from streamdet.errors import ConfigError
from streamdet.models.built_network import configuration_note, read_passport
from streamdet.models.model_config import ModelConfig, find_weights, load_model_config
from streamdet.system.atomic_file import write_whole

LARGEST: Final = 8_000_000
"""Bytes of a file that ships with streamdet."""


def pack(
    built: Path, model: ModelConfig, name: str, folder: Path, *, largest: int = LARGEST
) -> ModelConfig:
    """Write a model as it ships.

    Args:
        built: its network as `build` left it, with its passport beside it.
        model: its configuration; it names the weights.
        name: its name from now on.
        folder: gets NAME.onnx and NAME.yaml; made if need be.
        largest: bytes of the network at most.

    Returns:
        The configuration that was written.

    Raises:
        ConfigError: the file would be larger than `largest`.
        EngineError: a weight is too large for half precision, or a file cannot be written.
    """
    import onnx

    passport = read_passport(built.with_suffix(".json"))
    network = onnx.load(built)
    made_from = {"weights": passport.weights, **passport.versions}
    compact(network, {**configuration_note(model), **made_from})
    onnx.checker.check_model(network, full_check=True)
    packed = network.SerializeToString(deterministic=True)
    if len(packed) > largest:
        raise ConfigError(
            f"model {model.name!r}: its network takes {len(packed) / 1e6:.1f} MB with weights in"
            f" half precision, wanted at most {largest / 1e6:.0f}: train a smaller one"
        )
    return _written(packed, model, folder / f"{name}.onnx")


def pack_fitted(model: ModelConfig, name: str, folder: Path) -> ModelConfig:
    """Write a model without a network as it ships: NAME with the suffix of its file, NAME.yaml.

    Args:
        model: its configuration; it names the weights.
        name: its name from now on.
        folder: gets both; made if need be.

    Returns:
        The configuration that was written.

    Raises:
        ConfigError: its file is missing, is another one, or is too large.
        EngineError: a file cannot be written.
    """
    weights = find_weights(model)
    fitted = weights.read_bytes()
    if len(fitted) > LARGEST:
        raise ConfigError(
            f"{weights}: is of {len(fitted) / 1e6:.1f} MB, wanted at most {LARGEST / 1e6:.0f}"
        )
    return _written(fitted, model, folder / f"{name}{weights.suffix}")


def _written(packed: bytes, model: ModelConfig, path: Path) -> ModelConfig:
    """Write what a model is, and the configuration that names it, beside each other."""
    write_whole(path, packed)
    values = _values(model, path.name, hashlib.sha256(packed).hexdigest())
    text = yaml.safe_dump(
        values, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
    write_whole(path.with_suffix(".yaml"), text.encode())
    return load_model_config(str(path.with_suffix(".yaml")))


def _values(model: ModelConfig, file: str, sha256: str) -> Mapping[str, Any]:
    """Give the configuration's values, with the packed file as its weights."""
    assert model.weights is not None
    values = dict(read_yaml(find_config(model.argument, "configs/models")).values)
    for key in ("name", "folder", "weights"):
        values.pop(key, None)
    told = model.weights.model_dump(include={"licence", "origin"}, exclude_none=True)
    weights = {"file": file, "sha256": sha256, **told}
    return {"detector": values.pop("detector"), "weights": weights, **values}
