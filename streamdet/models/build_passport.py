"""The passport of a file that was compiled for one runtime and precision, NAME.json beside it.

It states all that the file was made of, so that one that was made of something else is never used
by mistake, and what is known of it: the arithmetic of each layer, its accuracy where that was
measured. Latency is not stated: no engine has been executed yet.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from streamdet.errors import ConfigError
from streamdet.models.built_network import digest
from streamdet.models.model_config import ModelConfig, find_file, find_files

_ORIGINS: Final = {
    "model": "another configuration of the model",
    "network": "another network file",
    "recipe": "another recipe",
    "runtime": "another runtime or version",
    "precision": "another precision",
    "targets": "other targets",
    "kernels": "other kernels",
    "calibration": "other calibration images",
}


@dataclass(frozen=True, slots=True)
class BuildPassport:
    """What a compiled file is.

    Attributes:
        origin: what it was made of, digests and names: the keys are those of `_ORIGINS`.
        file_sha256: of the file.
        onnx_sha256: of the ONNX file in its precision that was compiled.
        versions: package -> version, of what made it.
        execution: where the file was executed.
        plugins: types of our nodes that run as plugins, layer by layer.
        layers: see runtimes/tensorrt/layers.py; () where a runtime does not tell.
        calibration: folder, number of images and their digest; None where none were needed.
        accuracy: AP of this precision and of fp32, and on what; None where it was not measured.
    """

    origin: dict[str, str]
    file_sha256: str
    onnx_sha256: str
    versions: dict[str, str]
    execution: str
    plugins: tuple[str, ...] = ()
    layers: tuple[dict[str, Any], ...] = ()
    calibration: dict[str, Any] | None = None
    accuracy: dict[str, Any] | None = field(default=None)

    def to_json(self) -> str:
        """Write it; the inverse of `read_build_passport`."""
        return json.dumps(asdict(self), indent=2) + "\n"


def file_name(model: ModelConfig, origin: Mapping[str, str]) -> str:
    """Name the file of a model for a runtime, precision and targets."""
    runtime = origin["runtime"].split()[0]
    targets = origin.get("targets", "").replace(",", "-")
    parts = [model.name, runtime, origin["precision"], *([targets] if targets else [])]
    return "-".join(parts) + (".engine" if runtime.startswith("tensorrt") else ".onnx")


def read_build_passport(file: Path) -> BuildPassport:
    """Read the passport of a compiled file, and check that it is of this file.

    Raises:
        ConfigError: it is missing, no passport, or of other contents than the file has.
    """
    path = file.with_suffix(".json")
    try:
        passport = BuildPassport(**json.loads(path.read_text(encoding="utf-8")))
        origin = {key: str(passport.origin[key]) for key in _ORIGINS}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as exc:
        raise ConfigError(f"{path} is missing or no passport of {file.name}") from exc
    if origin != passport.origin or _sha256(file) != passport.file_sha256:
        raise ConfigError(f"{file} is damaged: its passport states another sha256")
    return passport


def misfit(passport: BuildPassport, wanted: Mapping[str, str]) -> str:
    """Say in a sentence what a file was made of that is not wanted; "" where all fits.

    What `wanted` does not name may be anything.
    """
    others = [
        f"{words} ({passport.origin[key]})" if key in ("runtime", "precision", "targets") else words
        for key, words in _ORIGINS.items()
        if passport.origin[key] != wanted.get(key, passport.origin[key])
    ]
    return f"it was made of {' and '.join(others)}" if others else ""


def find_compiled(model: ModelConfig, wanted: Mapping[str, str], remedy: str) -> Path:
    """Find a compiled file that was made of what is wanted.

    Args:
        model: whose it is.
        wanted: see `BuildPassport.origin`.
        remedy: the command that makes it.

    Raises:
        ConfigError: it is missing or damaged, or was made of something else.
    """
    name = file_name(model, wanted)
    found = find_file(name, model.folder)
    if found is None:
        raise ConfigError(f"{name} is not built: {remedy}")
    difference = misfit(read_build_passport(found), wanted)
    if difference:
        raise ConfigError(f"{found} does not fit model {model.name!r}: {difference}; {remedy}")
    return found


def find_engine(model: ModelConfig, wanted: Mapping[str, str], target: str, remedy: str) -> Path:
    """Find an engine for a GPU, among others that it may have been built for.

    Args:
        model: whose it is.
        wanted: see `BuildPassport.origin`; without targets.
        target: of the GPU, such as sm_89.
        remedy: the command that makes it.

    Raises:
        ConfigError: there is none for that GPU; it is damaged, has no passport, or was made of
            something else.
    """
    start = file_name(model, wanted).removesuffix(".engine")
    files = [
        file
        for file in find_files(f"{start}-*.engine", model.folder)
        if target in file.stem.removeprefix(f"{start}-").split("-")
    ]
    if not files:
        raise ConfigError(f"no {start} for {target} is built: {remedy}")
    difference = misfit(read_build_passport(files[0]), wanted)
    if difference:
        raise ConfigError(f"{files[0]} does not fit model {model.name!r}: {difference}; {remedy}")
    return files[0]


def find_int8(model: ModelConfig, network: Path, runtime: str) -> Path:
    """Find a model's int8 file for a runtime on the CPU, whatever images it was calibrated with.

    Args:
        model: whose it is.
        network: the file in fp32.
        runtime: its name and version.

    Raises:
        ConfigError: it is missing or damaged, or was made of something else.
    """
    wanted = {
        "model": digest(model),
        "network": _sha256(network),
        "runtime": runtime,
        "precision": "int8",
    }
    name = runtime.split(maxsplit=1)[0]
    return find_compiled(
        model,
        wanted,
        f"streamdet models build {model.argument} --runtime {name} --precision int8"
        " --calibration DIR",
    )


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
