"""Weights out of an ONNX file, to begin a training with.

Files that `streamdet models pack` has made keep the names of weights. In others the convolutions
come in the order in which the network computes them. Where exporting has folded batch norms into
convolutions the order counts too, for the names are then those of weights that are no more: see
folded_norms.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from streamdet.errors import ConfigError
from streamdet.training.folded_norms import NORMS, computed, unfolded

SUFFIX: Final = ".onnx"
_HALF: Final = ".half"  # what building/compact.py calls a tensor in half precision


def read_onnx_weights(path: Path, network: nn.Module) -> dict[str, Tensor]:
    """Read weights by the names that they have in a network; float32, on the CPU.

    The statistics of its batch norms are not known then: see `measure_norms`.

    Raises:
        ConfigError: it is no such file, or its convolutions are not the network's.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        graph = onnx.load(path).graph
    except DecodeError as exc:
        raise ConfigError(f"{path}: is no ONNX file") from exc
    constants = dict(_constants(graph))
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    own = network.state_dict()
    is_folded = any(isinstance(part, NORMS) for part in network.modules()) and not any(
        node.op_type == "BatchNormalization" for node in graph.node
    )
    if not is_folded and all(node.input[1] in own for node in nodes):
        return {**constants, **dict(_added_biases(nodes, graph, constants))}
    convolutions = list(computed(network))
    if len(nodes) != len(convolutions):
        raise ConfigError(
            f"{path}: has {len(nodes)} convolutions, the network {len(convolutions)}: it is of"
            " another network"
        )
    named = dict(constants)  # of fully connected layers
    for each, node in zip(convolutions, nodes, strict=True):
        weight, *bias = (constants[name] for name in node.input[1:])
        named |= unfolded(each, weight, bias[0] if bias else weight.new_zeros(len(weight)))
    return named


def _constants(graph: Any) -> Iterator[tuple[str, Tensor]]:
    from onnx import numpy_helper

    for each in graph.initializer:
        value = numpy_helper.to_array(each)
        if value.dtype in {np.dtype(np.float16), np.dtype(np.float32)}:
            yield each.name.removesuffix(_HALF), torch.from_numpy(value.astype(np.float32))


def _added_biases(
    nodes: list[Any], graph: Any, constants: dict[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """Name what is added to the output of a convolution: `x.1.bias` after `x.0.weight`.

    It is a bias that networks/backbones adds (`ChannelBias`), whose name exporting does not keep.
    """
    weights = {node.output[0]: node.input[1] for node in nodes}
    for node in graph.node:
        if node.op_type == "Add" and node.input[0] in weights and node.input[1] in constants:
            place, _, number = weights[node.input[0]].removesuffix(".weight").rpartition(".")
            if number.isdigit():
                yield f"{place}.{int(number) + 1}.bias", constants[node.input[1]].reshape(-1)
