"""Splits a network at our own nodes: dense parts, which any runtime takes, and nodes between them.

RoiAlignFpn, RoiPool and Nms are kernels of ours. Everything else goes, level by level, into parts:
what needs no node of ours is part 0, what needs only nodes fed by part 0 is part 1, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamdet.networks import NODE_DOMAIN
from streamdet.runtimes.plugin_nodes import NODE_KINDS, PluginNode


@dataclass(frozen=True, slots=True)
class DensePart:
    """Nodes of standard operators.

    Attributes:
        nodes: of ONNX, in order, with the constants that they need.
        inputs: names of what they read of the network's inputs and of earlier parts.
        outputs: names of what later parts read, or the network gives.
    """

    nodes: tuple[Any, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodePart:
    """A node of ours.

    Attributes:
        node: its attributes, read.
        kernels: the file of its kernels.
        inputs: names.
        outputs: names.
    """

    node: PluginNode
    kernels: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def split(model: Any) -> list[DensePart | NodePart]:
    """Split a network, an `onnx.ModelProto`, into parts in the order in which they run."""
    return list(_Split(model.graph).parts())


class _Split:
    """The graph by levels: how many nodes of ours lie before each tensor; -1 is a constant."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._level = {tensor.name: -1 for tensor in graph.initializer}
        self._level |= {value.name: 0 for value in graph.input if value.name not in self._level}
        self._given = {name for name, level in self._level.items() if level == 0}
        self._maker = {name: node for node in graph.node for name in node.output}
        self._node_level: list[int] = []
        for node in graph.node:
            level = max((self._level[name] for name in _reads(node)), default=-1)
            level = max(level, 0) if _is_ours(node) else level
            self._node_level.append(level)
            self._level |= dict.fromkeys(node.output, level + _is_ours(node))

    def parts(self) -> Iterator[DensePart | NodePart]:
        for level in range(max(self._level.values(), default=0) + 1):
            if outputs := self._outputs(level):
                yield self._dense(level, outputs)
            for node, its_level in zip(self._graph.node, self._node_level, strict=True):
                if _is_ours(node) and its_level == level:
                    yield _node_part(node)

    def _outputs(self, level: int) -> tuple[str, ...]:
        """What is made at a level by dense nodes, and wanted by others than these."""
        wanted = dict.fromkeys(
            name
            for node, its_level in zip(self._graph.node, self._node_level, strict=True)
            if its_level > level or _is_ours(node)
            for name in _reads(node)
            if self._level[name] >= 0 or _is_ours(node)
        )
        wanted |= dict.fromkeys(value.name for value in self._graph.output)
        return tuple(
            name
            for name in wanted
            if max(self._level[name], 0) == level
            and name not in self._given
            and not (name in self._maker and _is_ours(self._maker[name]))
        )

    def _dense(self, level: int, outputs: tuple[str, ...]) -> DensePart:
        """Walk back from outputs to what other levels give, constants included."""
        found: set[str] = set()
        inputs: dict[str, None] = {}
        open_names = list(outputs)
        while open_names:
            name = open_names.pop()
            if name in found or name in inputs:
                continue
            if self._level[name] == -1 or (self._level[name] == level and self._is_dense(name)):
                found.add(name)
                open_names += _reads(self._maker[name]) if name in self._maker else []
            else:
                inputs[name] = None
        nodes = tuple(node for node in self._graph.node if found & set(node.output))
        return DensePart(nodes, tuple(inputs), outputs)

    def _is_dense(self, name: str) -> bool:
        return name in self._maker and not _is_ours(self._maker[name])


def part_model(model: Any, part: DensePart, inputs: dict[str, tuple[Any, tuple[int, ...]]]) -> Any:
    """Make a network of a dense part, an `onnx.ModelProto`.

    Args:
        model: the whole one.
        part: of it.
        inputs: dtype and shape of each of its inputs.
    """
    from onnx import helper

    read = {name for node in part.nodes for name in _reads(node)} | set(part.outputs)
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
        for name, (dtype, shape) in inputs.items()
    ]
    graph = helper.make_graph(
        part.nodes,
        model.graph.name,
        values,
        [helper.make_empty_tensor_value_info(name) for name in part.outputs],
        [tensor for tensor in model.graph.initializer if tensor.name in read],
    )
    others = [function for function in model.functions if function.domain != NODE_DOMAIN]
    return helper.make_model(
        graph,
        opset_imports=model.opset_import,
        functions=others,
        ir_version=model.ir_version,
    )


def _node_part(node: Any) -> NodePart:
    kind = NODE_KINDS[node.op_type]
    attributes = {
        each.name: np.atleast_1d(_value(each)) for each in node.attribute if each.type != _STRING
    }
    return NodePart(kind.make(attributes), kind.kernels, tuple(node.input), tuple(node.output))


_STRING = 3  # onnx.AttributeProto.STRING, of plugin_namespace


def _value(attribute: Any) -> Any:
    from onnx import helper

    return helper.get_attribute_value(attribute)


def _is_ours(node: Any) -> bool:
    return bool(node.domain == NODE_DOMAIN)


def _reads(node: Any) -> list[str]:
    """What a node reads, in bodies of If and Loop too, that is not made inside these."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            made = {value.name for value in (*graph.input, *graph.initializer)}
            for inner in graph.node:
                names += [name for name in _reads(inner) if name not in made]
                made |= set(inner.output)
    return names
