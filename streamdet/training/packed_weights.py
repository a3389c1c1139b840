"""Weights out of a network that `streamdet models pack` has made, to begin a training with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from streamdet.errors import ConfigError

SUFFIX: Final = ".onnx"
_HALF: Final = ".half"  # what building/compact.py calls a tensor in half precision


def read_packed(path: Path) -> dict[str, Tensor]:
    """Read the weights by the names that they have in the network; float32, on the CPU.

    Exporting keeps the names of weights, but for the biases that networks/backbones adds after a
    convolution (`ChannelBias`): they are found behind it. A batch norm is no more: exporting has
    folded it into its convolution.

    Raises:
        ConfigError: it is no such file.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import numpy_helper

    try:
        graph = onnx.load(path).graph
    except DecodeError as exc:
        raise ConfigError(f"{path}: is no ONNX file") from exc
    constants = {
        each.name.removesuffix(_HALF): numpy_helper.to_array(each) for each in graph.initializer
    }
    named = {**constants, **dict(_added_biases(graph, constants))}
    return {
        name: torch.from_numpy(value.astype(np.float32))
        for name, value in named.items()
        if value.dtype in {np.dtype(np.float16), np.dtype(np.float32)}
    }


def _added_biases(graph: Any, constants: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name what is added to the output of a convolution: `x.1.bias` after `x.0.weight`."""
    weights = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "Conv"}
    for node in graph.node:
        if node.op_type == "Add" and node.input[0] in weights and node.input[1] in constants:
            place, _, number = weights[node.input[0]].removesuffix(".weight").rpartition(".")
            if number.isdigit():
                yield f"{place}.{int(number) + 1}.bias", constants[node.input[1]].reshape(-1)
