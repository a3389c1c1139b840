"""A network's file as a worker runs it, and the passport of one that was built on this machine.

A model whose configuration states `network` is built from its weights (see building/) into
NAME.onnx with a passport beside it, NAME.json, which says what it was built from. A packed model's
weights file holds the network already, and in its metadata what a passport would say.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from streamdet.errors import ConfigError
from streamdet.models.model_config import ModelConfig, find_file, find_weights


@dataclass(frozen=True, slots=True)
class Passport:
    """What a network was built from.

    Attributes:
        configuration: digest of the model's configuration, see `digest`.
        weights: sha256 of the weights file, or "random weights (seed 0)".
        onnx_sha256: of the built file.
        versions: package -> version, of what built it.
    """

    configuration: str
    weights: str
    onnx_sha256: str
    versions: dict[str, str]

    @property
    def is_trained(self) -> bool:
        """Whether the weights come from a file."""
        return not self.weights.startswith("random")

    def to_json(self) -> str:
        """Write it; the inverse of `read_passport`."""
        return json.dumps(asdict(self), indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """What a runtime loads.

    Attributes:
        path: an ONNX file.
        remark: what a user must know of it, for the report; "" for nothing.
    """

    path: Path
    remark: str = ""


def find_network(model: ModelConfig) -> NetworkFile:
    """Find a model's network: its weights file itself, or what was built from it.

    Raises:
        ConfigError: it is missing, damaged, or was built from another configuration or weights.
    """
    if not model.is_built:
        return NetworkFile(_whole_network(model))
    file = find_loaded(model)
    if file is None:
        raise ConfigError(f"the network of model {model.name!r} is not built: {_remedy(model)}")
    passport = read_passport(file.with_suffix(".json"))
    if hashlib.sha256(file.read_bytes()).hexdigest() != passport.onnx_sha256:
        raise ConfigError(f"{file} is damaged: its passport states another sha256")
    if passport.configuration != digest(model):
        raise ConfigError(
            f"{file} was built from another configuration of model {model.name!r}: {_remedy(model)}"
        )
    stated = model.weights.sha256 if model.weights else None
    if passport.is_trained and stated and not _is_from(passport, stated):
        raise ConfigError(
            f"{file} was built from other weights than model {model.name!r} names: {_remedy(model)}"
        )
    return NetworkFile(file, "" if passport.is_trained else passport.weights)


def find_loaded(model: ModelConfig) -> Path | None:
    """Find the file that a worker would load, be it right or not; None if it is nowhere."""
    if model.is_built:
        return find_file(f"{model.name}.onnx", model.folder)
    return None if model.weights is None else find_file(model.weights.file, model.folder)


def configuration_note(model: ModelConfig) -> dict[str, str]:
    """Say in a packed network's metadata what it was built from; `find_network` looks for it."""
    return {"configuration": digest(model)}


def _whole_network(model: ModelConfig) -> Path:
    path = find_weights(model)
    if model.network is None:
        return path
    [note] = configuration_note(model).values()
    if note.encode() not in path.read_bytes():  # metadata stand there as plain text
        raise ConfigError(
            f"{path} was packed from another configuration of model {model.name!r}: its detector,"
            " network, input and number of classes must stay as they were"
        )
    return path


def read_passport(path: Path) -> Passport:
    """Read a passport.

    Raises:
        ConfigError: it is missing or not one.
    """
    try:
        return Passport(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as exc:
        raise ConfigError(f"{path} is missing or not a passport: build the network again") from exc


def digest(model: ModelConfig) -> str:
    """Hash what decides over a network's file: its detector, its options, its input, its classes.

    The names of the classes and the thresholds that a detector applies itself do not count.
    """
    assert model.input is not None
    hw = [] if model.sizes else model.input.hw  # one file for all sizes
    facts = {
        "detector": model.detector,
        "network": model.network,
        "input": [model.input.name, *hw],
        "classes": len(model.classes),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _is_from(passport: Passport, sha256: str) -> bool:
    return passport.weights.startswith(sha256)


def _remedy(model: ModelConfig) -> str:
    if model.weights is None:
        return (
            f"nobody has trained it; streamdet models build {model.argument} --random 0 gives it"
            " random weights"
        )
    verb = "pull" if model.weights.torchvision else "build"
    return f"streamdet models {verb} {model.argument}"
