"""Builds the network of a model's configuration into the file that workers run."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from streamdet.building.export import export
from streamdet.config.files import find_config
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import read_yaml
from streamdet.detectors.parts.built_in import built_in
from streamdet.errors import ConfigError, EngineError, to_install
from streamdet.models.built_network import NetworkFile, Passport, digest
from streamdet.models.model_config import ModelConfig, find_weights, load_model_config
from streamdet.networks import Network
from streamdet.registry import NETWORKS, load_network
from streamdet.system.atomic_file import write_whole, written_whole


def build(name: str, folder: Path, seed: int | None = None) -> NetworkFile:
    """Build a model's network into `folder`: NAME.onnx and its passport, NAME.json.

    Args:
        name: a shipped model's name, or the path of a .yaml file; it states `network`.
        folder: made if need be.
        seed: of random weights; None: the model's weights.

    Raises:
        ConfigError: the configuration is wrong or states no network, or the weights are missing or
            do not fit.
        EngineError: torch is missing or cannot export the network, or it cannot be written.
    """
    model = load_model_config(name)
    network = make_network(name, seed or 0)
    weights = f"random weights (seed {seed})" if seed is not None else give_weights(network, model)
    assert model.input is not None
    exported = export(network, model.input.name, model.input.hw).SerializeToString()
    passport = Passport(
        configuration=digest(model),
        weights=weights,
        onnx_sha256=hashlib.sha256(exported).hexdigest(),
        versions={package: version(package) for package in ("streamdet", "torch", "onnx")},
    )
    path = folder / f"{model.name}.onnx"
    with written_whole(path) as file:
        file.write(exported)
        path.with_suffix(".json").unlink(missing_ok=True)  # no file is beside a wrong passport
    write_whole(path.with_suffix(".json"), passport.to_json().encode())
    return NetworkFile(path, "" if passport.is_trained else weights)


def make_network(name: str, seed: int = 0) -> Network:
    """Make the network that a model's configuration describes, with random weights.

    Raises:
        ConfigError: the configuration is wrong or describes no network.
        EngineError: torch is missing.
    """
    model = load_model_config(name)
    if model.network is None or model.input is None or model.detector not in NETWORKS:
        raise ConfigError(
            f"model {model.name!r} is no network of ours: its configuration states no `network`"
        )
    built_in(model)  # one iou_thresh, before torch is loaded
    try:
        import torch
    except ImportError as exc:
        raise EngineError(f"torch is not installed: {to_install('networks')}") from exc
    kind: Any = load_network(model.detector)
    text = read_yaml(find_config(name, "configs/models"))
    options = checked(kind.Options, text, ("network",), model.network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            network: Network = kind(options, len(model.classes), model.input.hw)
        except ValueError as exc:
            raise ConfigError(f"{text.place(('network',))}: network: {exc}") from exc
    return network


def give_weights(network: Network, model: ModelConfig) -> str:
    """Give a network its model's weights; returns the sha256 of their file.

    Raises:
        ConfigError: the weights are missing or do not fit.
    """
    from torch import nn

    from streamdet.networks.state_dict import assign_weights, current_names, read_weights

    assert isinstance(network, nn.Module)
    if not model.is_built:
        raise ConfigError(
            f"model {model.name!r} is packed: its weights file holds a network that only runs"
        )
    path = find_weights(model)
    assign_weights(network, current_names(network, read_weights(path)), str(path))
    return hashlib.sha256(path.read_bytes()).hexdigest()
