"""The file of a model that was trained here: a model's configuration, with what differs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from streamdet.config.files import find_config
from streamdet.config.yaml_loader import read_yaml
from streamdet.system.atomic_file import write_whole


def read_model_file(name: str) -> dict[str, Any]:
    """Read a model's configuration as it is written, without its weights and its own folder.

    Raises:
        ConfigError: there is none, or it is no YAML.
    """
    values: dict[str, Any] = dict(read_yaml(find_config(name, "configs/models")).values)
    for key in ("weights", "folder"):
        values.pop(key, None)
    return values


def weights_entry(path: Path, licence: str, origin: str) -> dict[str, str]:
    """Say which weights a model has.

    Args:
        path: the file, in the folder of the model's configuration.
        licence: of the weights.
        origin: where they come from, in words.
    """
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": path.name, "sha256": sha256, "licence": licence, "origin": origin}


def write_model_file(values: Mapping[str, Any], path: Path) -> None:
    """Write a model's configuration.

    Raises:
        EngineError: it cannot be written there.
    """
    text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
    write_whole(path, text.encode())
