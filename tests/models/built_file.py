"""A file in the place of a built network, with its passport; nothing runs it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from streamdet.models.built_network import Passport, digest
from streamdet.models.model_config import load_model_config


def write_built_file(folder: Path, name: str) -> None:
    """Write NAME.onnx and NAME.json as building the model with random weights would name them."""
    content = b"network"
    (folder / f"{name}.onnx").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    passport = Passport(digest(load_model_config(name)), "random weights (seed 0)", sha256, {})
    (folder / f"{name}.json").write_text(passport.to_json())
