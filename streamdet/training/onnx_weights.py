"""Weights out of an ONNX file, to begin a training with.

Files that `streamdet models pack` has made keep the names of weights. In others the convolutions
come in the order in which the network computes them. Where exporting has folded batch norms into
convolutions the order counts too, for the names are then those of weights that are no more: see
folded_norms.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from streamdet.errors import ConfigError
from streamdet.networks.backbones.backbone import Backbone
from streamdet.training.folded_norms import NORMS, Convolution, computed, unfolded

SUFFIX: Final = ".onnx"
_HALF: Final = ".half"  # what building/compact.py calls a tensor in half precision


def read_onnx_weights(path: Path, network: nn.Module, hw: tuple[int, int]) -> dict[str, Tensor]:
    """Read weights by the names that they have in a network; float32, on the CPU.

    The statistics of its batch norms are not known then: see `measure_norms`. A file of another
    network whose first convolutions are those of this one's backbone gives these.

    Args:
        path: the file.
        network: that is to have the weights.
        hw: height and width of its images.

    Raises:
        ConfigError: it is no such file, or its convolutions are not the network's.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(path).graph
    except DecodeError as exc:
        raise ConfigError(f"{path}: is no ONNX file") from exc
    constants = dict(_constants(graph))
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    own = network.state_dict()
    biases = dict(_added_biases(graph, constants))
    is_folded = any(isinstance(part, NORMS) for part in network.modules()) and not any(
        node.op_type == "BatchNormalization" for node in graph.node
    )
    if not is_folded and all(node.input[1] in own for node in nodes):
        added = {_bias_after(node.input[1].removesuffix(".weight")): biases[node.output[0]]
                 for node in nodes if node.output[0] in biases}  # fmt: skip
        return constants | added
    convolutions = list(computed(network, hw))
    named = dict(constants)  # of fully connected layers
    if len(nodes) != len(convolutions):
        shapes = [constants[node.input[1]].shape for node in nodes]
        shared, named = _of_backbone(network, convolutions), {}
        wanted = [own[f"{each.name}.weight"].shape for each in shared]
        if not shared or wanted != shapes[: len(wanted)]:
            raise ConfigError(
                f"{path}: has {len(nodes)} convolutions, the network {len(convolutions)}: it is of"
                " another network"
            )
        convolutions = shared
    for each, node in zip(convolutions, nodes, strict=False):
        weight, *bias = (constants[name] for name in node.input[1:])
        given = bias[0] if bias else biases.get(node.output[0], weight.new_zeros(len(weight)))
        found = unfolded(each, weight, given)
        if each.norm is None and f"{each.name}.bias" not in own:
            found[_bias_after(each.name)] = found.pop(f"{each.name}.bias")
        named |= found
    return named


def _of_backbone(network: nn.Module, convolutions: Sequence[Convolution]) -> list[Convolution]:
    """Pick the convolutions of a network's backbone; one that computes at several sizes once."""
    places = tuple(
        f"{name}." for name, part in network.named_modules() if isinstance(part, Backbone)
    )
    return list({each.name: each for each in convolutions if each.name.startswith(places)}.values())


def _constants(graph: Any) -> Iterator[tuple[str, Tensor]]:
    from onnx import numpy_helper

    tensors = [(each.name, each) for each in graph.initializer]
    tensors += [
        (node.output[0], attribute.t)
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    ]
    for name, tensor in tensors:
        value = numpy_helper.to_array(tensor)
        if value.dtype in {np.dtype(np.float16), np.dtype(np.float32)}:
            yield name.removesuffix(_HALF), torch.from_numpy(value.astype(np.float32))


def _added_biases(graph: Any, constants: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Give what is added to the output of a node, by the name of that output."""
    for node in graph.node:
        if node.op_type == "Add" and node.input[1] in constants:
            yield node.input[0], constants[node.input[1]].reshape(-1)


def _bias_after(convolution: str) -> str:
    """Name the bias that networks/backbones adds (`ChannelBias`): `x.1.bias` after `x.0`."""
    place, _, number = convolution.rpartition(".")
    return f"{place}.{int(number) + 1}.bias" if number.isdigit() else ""
