"""Makes an exported network's file small: weights in half precision, nothing that nobody runs.

A runtime turns the weights back into float32 when it loads the network, once: it computes as with
the exported file. Only factors of convolutions and matrix products are stored so. Half precision
keeps 11 bits, enough for a factor; an anchor's coordinates would lose their pixels beyond 2048.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from streamdet.errors import EngineError

_WITH_FACTORS: Final = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_FACTOR: Final = 1  # place among a node's inputs
_HALF: Final = ".half"
_FEWEST: Final = 512  # numbers: below, the node that turns them back costs more than it saves


def compact(model: Any, notes: Mapping[str, str]) -> None:
    """Make an exported network small, in place.

    The exporter's notes go: they are a fifth of a small network and name the folders of the machine
    that exported it.

    Args:
        model: an `onnx.ModelProto` with float32 weights.
        notes: become the file's metadata.

    Raises:
        EngineError: a weight is too large for half precision.
    """
    from onnx import helper

    graph = model.graph
    helper.set_model_props(model, dict(notes))
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.ClearField("doc_string")
    del graph.value_info[:]
    names = _factor_names(graph)
    casts = [cast for tensor in graph.initializer if tensor.name in names
             for cast in _halved(tensor)]  # fmt: skip
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def expand(model: Any) -> None:
    """Give a compact network its float32 weights back, in place, without the nodes that did so.

    Args:
        model: an `onnx.ModelProto`; of one that is not compact nothing changes.
    """
    from onnx import numpy_helper

    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    casts = [
        node
        for node in graph.node
        if node.op_type == "Cast" and node.input[0] == f"{node.output[0]}{_HALF}"
    ]
    for node in casts:
        tensor = stored[node.input[0]]
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, node.output[0]))
    names = {node.output[0] for node in casts}
    kept = [node for node in graph.node if not names & set(node.output)]
    del graph.node[:]
    graph.node.extend(kept)


def _halved(tensor: Any) -> list[Any]:
    """Store a float32 tensor in half precision; returns the node that gives it back."""
    from onnx import TensorProto, helper, numpy_helper

    values = numpy_helper.to_array(tensor)
    if values.dtype != np.float32 or values.size < _FEWEST:
        return []
    largest, limit = float(np.abs(values).max()), float(np.finfo(np.float16).max)
    if not largest <= limit:
        raise EngineError(
            f"{tensor.name} holds {largest:g}: half precision ends at {limit:g}, train with a"
            " higher weight decay"
        )
    name, stored = tensor.name, f"{tensor.name}{_HALF}"
    tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
    return [helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT)]


def _factor_names(graph: Any) -> set[str]:
    """Name what is the factor of a convolution or a matrix product, and nothing else."""
    uses = [
        (name, node.op_type in _WITH_FACTORS and place == _FACTOR)
        for node in graph.node
        for place, name in enumerate(node.input)
    ]
    others = {name for name, is_factor in uses if not is_factor}
    return {name for name, is_factor in uses if is_factor} - others
