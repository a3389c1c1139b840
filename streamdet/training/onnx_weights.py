"""Weights out of an ONNX file, to begin a training with.

Two kinds of files are understood: those that `streamdet models pack` has made, which keep the names
of weights, and those that others have exported, whose convolutions come in the order in which the
network computes them. In both a batch norm is no more: exporting has folded it into its
convolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from streamdet.errors import ConfigError

SUFFIX: Final = ".onnx"
_HALF: Final = ".half"  # what building/compact.py calls a tensor in half precision
_SIDE: Final = 64  # of a picture that is large enough for any network


def read_onnx_weights(path: Path, network: nn.Module) -> dict[str, Tensor]:
    """Read weights by the names that they have in a network; float32, on the CPU.

    Args:
        path: of the file.
        network: without batch norms.

    Raises:
        ConfigError: it is no such file, or its convolutions are not the network's.
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
    own = network.state_dict()
    weights = [node.input[1] for node in graph.node if node.op_type == "Conv"]
    if all(name in own for name in weights):
        named = {**constants, **dict(_added_biases(graph, constants))}
    else:
        named = _by_order(graph, constants, network, path)
    return {
        name: torch.from_numpy(value.astype(np.float32))
        for name, value in named.items()
        if value.dtype in {np.dtype(np.float16), np.dtype(np.float32)}
    }


def _added_biases(graph: Any, constants: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name what is added to the output of a convolution: `x.1.bias` after `x.0.weight`.

    It is a bias that networks/backbones adds (`ChannelBias`), whose name exporting does not keep.
    """
    weights = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "Conv"}
    for node in graph.node:
        if node.op_type == "Add" and node.input[0] in weights and node.input[1] in constants:
            place, _, number = weights[node.input[0]].removesuffix(".weight").rpartition(".")
            if number.isdigit():
                yield f"{place}.{int(number) + 1}.bias", constants[node.input[1]].reshape(-1)


def _by_order(
    graph: Any, constants: dict[str, Any], network: nn.Module, path: Path
) -> dict[str, Any]:
    """Name the weights and biases of convolutions by the order in which they compute."""
    names = list(_computed(network))
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    if len(nodes) != len(names):
        raise ConfigError(
            f"{path}: has {len(nodes)} convolutions, the network {len(names)}: another network"
        )
    return {
        f"{name}.{kind}": constants[tensor]
        for name, node in zip(names, nodes, strict=True)
        for kind, tensor in zip(("weight", "bias"), node.input[1:], strict=False)
    }


def _computed(network: nn.Module) -> Iterator[str]:
    """Name the convolutions of a network in the order in which they compute."""
    order: list[nn.Module] = []
    names = {part: name for name, part in network.named_modules() if isinstance(part, nn.Conv2d)}
    hooks = [part.register_forward_pre_hook(lambda part, _: order.append(part)) for part in names]
    device = next(network.parameters()).device
    with torch.no_grad():
        network(torch.zeros(1, 3, _SIDE, _SIDE, device=device))
    for hook in hooks:
        hook.remove()
    return (names[part] for part in order)
