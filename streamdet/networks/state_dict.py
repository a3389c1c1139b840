"""Weights of a network from a file: tensors only, each one where the network has its like.

Files are .safetensors, or torch's own, opened with `weights_only=True`, which runs no code of
theirs.
"""

from __future__ import annotations

import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from streamdet.errors import ConfigError

# The layers of published networks that have an output per class.
_CLASS_LAYERS: Final = re.compile(
    r"(^|\.)(cls_score|mask_fcn_logits|fc|classifier\.[136])\.(weight|bias)$"
)

_ANCHOR_LAYER: Final = re.compile(r"(^|\.)cls_logits\.(weight|bias)$")  # of an RPN's head

# What the two readers raise on bytes that are none of theirs.
_DAMAGED: Final = (
    SafetensorError,
    RuntimeError,
    OSError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    struct.error,
)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file by name, onto the CPU.

    Raises:
        ConfigError: there is no such file, it is damaged, or holds anything but tensors.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file of weights")
    try:
        content = _read(path)
    except pickle.UnpicklingError as exc:
        raise ConfigError(f"{path}: {_refusal(exc)}") from exc
    except _DAMAGED as exc:
        raise ConfigError(f"{path}: not a whole file of weights (torch or safetensors)") from exc
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise ConfigError(f"{path}: wanted tensors by name, got a {type(content).__name__}")
    for name, value in content.items():
        if isinstance(value, dict):
            raise ConfigError(f"{path}: holds a dict under {name!r}: wanted the state dict itself")
        if not isinstance(value, Tensor):
            raise ConfigError(f"{path}: {name} must be a tensor, got a {type(value).__name__}")
    return content


def current_names(network: object, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give weights the names of a network that knows former ones, as published files have them."""
    former: Mapping[str, str] = getattr(network, "former_names", {})
    return {former.get(name, name): value for name, value in weights.items()}


def _read(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return load_file(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on foreign pickles torch warns before it refuses them
        return torch.load(path, map_location="cpu", weights_only=True)


def _refusal(exc: pickle.UnpicklingError) -> str:
    code = re.search(r"GLOBAL (\S+)", str(exc))
    if code:
        return f"wanted tensors only, got a pickle that calls {code[1]}"
    return "not a whole file of weights (torch or safetensors)"


def assign_weights(network: nn.Module, weights: Mapping[str, Tensor], origin: str) -> None:
    """Give a network weights by name; on an error it keeps those it has.

    The batch counters of batch norms (`num_batches_tracked`) are no weights: they may be absent
    or superfluous, as old published files and frozen norms want it.

    Args:
        network: takes the values in place, in its own dtype and on its own device.
        weights: a tensor for every one of the network's state dict, and no other.
        origin: where they come from, for the message.

    Raises:
        ConfigError: a key is missing or unknown, a tensor has another shape or kind, or a value of
            it is not finite.
    """
    own = network.state_dict()
    counters = {name: count for name, count in own.items() if _is_counter(name)}
    came, wanted = _without_counters(weights), _without_counters(own)
    _check_names(came, wanted, origin)
    for name, tensor in wanted.items():
        if came[name].shape != tensor.shape:
            raise ConfigError(f"{origin}: {_shapes(name, came[name], tensor)}")
        if came[name].is_floating_point() != tensor.is_floating_point():
            raise ConfigError(f"{origin}: {name} is {came[name].dtype}, the model's {tensor.dtype}")
        if not came[name].isfinite().all():
            raise ConfigError(f"{origin}: {name} holds values that are not finite")
    kept = {name: weights.get(name, count) for name, count in counters.items()}
    network.load_state_dict({**came, **kept}, strict=True)


def _is_counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def _without_counters(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in weights.items() if not _is_counter(name)}


def _check_names(came: Mapping[str, Tensor], wanted: Mapping[str, Tensor], origin: str) -> None:
    missing = [name for name in wanted if name not in came]
    if missing:
        raise ConfigError(f"{origin}: {_first(missing)} of the model is not among the weights")
    unknown = [name for name in came if name not in wanted]
    if unknown:
        raise ConfigError(f"{origin}: the model has no {_first(unknown)}")


def _first(names: list[str]) -> str:
    return names[0] + (f" (and {len(names) - 1} more)" if len(names) > 1 else "")


def _shapes(name: str, came: Tensor, wanted: Tensor) -> str:
    if came.ndim and came.shape[1:] == wanted.shape[1:]:
        for layers, unit in ((_CLASS_LAYERS, "classes"), (_ANCHOR_LAYER, "anchors a location")):
            if layers.search(name):
                return f"{name} has {len(came)} {unit}, the model has {len(wanted)}"
    return f"{name} has the shape {tuple(came.shape)}, the model wants {tuple(wanted.shape)}"
