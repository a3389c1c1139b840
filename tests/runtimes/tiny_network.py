"""A network that shows what it was given."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def write_tiny_network(folder: Path, hw: tuple[int | str, int] = (4, 6)) -> Path:
    """Write an ONNX file: input `picture` (1, 3, *hw); outputs `seen`, the same, `sums` (1, 3)."""
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, (1, 3, *hw))
    seen = helper.make_tensor_value_info("seen", TensorProto.FLOAT, (1, 3, *hw))
    sums = helper.make_tensor_value_info("sums", TensorProto.FLOAT, (1, 3))
    zero = helper.make_tensor("zero", TensorProto.FLOAT, (), [0.0])
    axes = helper.make_tensor("axes", TensorProto.INT64, (2,), [2, 3])
    nodes = [
        helper.make_node("Add", ["picture", "zero"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "axes"], ["sums"], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "tiny", [picture], [seen, sums], [zero, axes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = folder / "tiny.onnx"
    onnx.save(model, str(path))
    return path
