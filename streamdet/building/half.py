"""A network's ONNX file in fp16, but for what follows its last convolutions and matrix products.

ONNX Runtime's own tool rounds every tensor between two nodes that stay in fp32 to fp16, and with
them the corners of boxes: 11 bits are half a pixel at 1024. Here nothing behind the last
convolution or matrix product is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from streamdet.building.engine_recipe import EngineRecipe
from streamdet.building.linear_nodes import before, is_linear
from streamdet.errors import EngineError

_NO_TENSORS: Final = {"Resize": (1, 2)}
"""Places of inputs that are fp32 whatever the node computes in."""

_MAKERS: Final = frozenset({"Constant", "ConstantOfShape", "Range"})
"""Their type is their own; what they give is cast."""


def to_fp16(model: Any, recipe: EngineRecipe) -> Any:
    """Lower a network to fp16; its inputs, its outputs and our own nodes stay as they are.

    Args:
        model: an `onnx.ModelProto`, see `int8.prepared`; it is changed.
        recipe: names nodes that stay in fp32.

    Returns:
        The model.

    Raises:
        EngineError: a weight is too large for fp16.
    """
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = (*inferred.value_info, *inferred.input, *inferred.output)
    floats = {
        value.name for value in values if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    floats |= {
        tensor.name
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    }
    linear = [node for node in model.graph.node if is_linear(node)]
    lowered = {node.name for node in linear} | before(model, linear)
    lowering = _Lowering(model, floats, lowered - set(recipe.keep_fp32))
    nodes = list(lowering.nodes())
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    read = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in read]
    del model.graph.initializer[:], model.graph.value_info[:]
    model.graph.initializer.extend(kept)
    return model


class _Lowering:
    """The nodes of a graph again, with casts wherever a tensor passes between the precisions."""

    def __init__(self, model: Any, floats: set[str], lowered: set[str]) -> None:
        self._graph = model.graph
        self._floats = floats
        self._lowered = lowered
        self._weights = {tensor.name: tensor for tensor in model.graph.initializer}
        self._renamed = {name: f"{name}.fp16" for name in floats}
        self._made: set[str] = set()  # tensors that are there in fp16
        self._read_in_fp32 = {value.name for value in model.graph.output}
        for node in model.graph.node:
            kept = (
                range(len(node.input)) if self._stays(node) else _NO_TENSORS.get(node.op_type, ())
            )
            self._read_in_fp32.update(
                node.input[place] for place in kept if place < len(node.input)
            )

    def _stays(self, node: Any) -> bool:
        return node.name not in self._lowered or node.op_type in _MAKERS

    def nodes(self) -> Iterator[Any]:
        """Give the nodes in order; fp32 tensors keep their names, the others end in .fp16."""
        from onnx import TensorProto, helper

        for node in list(self._graph.node):
            if self._stays(node):
                yield node
                continue
            yield from self._lower_inputs(node)
            outputs = [name for name in node.output if name in self._floats]
            node.output[:] = [self._renamed.get(name, name) for name in node.output]
            for attribute in node.attribute:
                if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT:
                    attribute.i = TensorProto.FLOAT16
            yield node
            self._made.update(outputs)
            for name in (each for each in outputs if each in self._read_in_fp32):
                yield helper.make_node(
                    "Cast", [self._renamed[name]], [name], f"{name}.to_fp32", to=TensorProto.FLOAT
                )

    def _lower_inputs(self, node: Any) -> Iterator[Any]:
        from onnx import TensorProto, helper

        kept = _NO_TENSORS.get(node.op_type, ())
        for place, name in enumerate(node.input):
            if name not in self._floats or place in kept:
                continue
            node.input[place] = self._renamed[name]
            if name in self._made:
                continue
            self._made.add(name)
            if name in self._weights:
                self._graph.initializer.append(self._half(name))
            else:
                yield helper.make_node(
                    "Cast", [name], [self._renamed[name]], f"{name}.to_fp16", to=TensorProto.FLOAT16
                )

    def _half(self, name: str) -> Any:
        from onnx import numpy_helper

        values = numpy_helper.to_array(self._weights[name])
        largest, limit = float(np.abs(values).max(initial=0)), float(np.finfo(np.float16).max)
        if not largest <= limit:
            raise EngineError(
                f"{name} holds {largest:g}, fp16 ends at {limit:g}: name its node under keep_fp32"
                " in the recipe"
            )
        return numpy_helper.from_array(values.astype(np.float16), self._renamed[name])
