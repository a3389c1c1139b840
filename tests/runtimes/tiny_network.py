"""A network that shows what it was given."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_batch_network(
    folder: Path, hw: tuple[int, int] = (4, 6), batch: int | str = 2, kind: int = TensorProto.FLOAT
) -> Path:
    """Write an ONNX file for `batch` images and a `bias` (3) each; output `sums` (batch, 3)."""
    image = helper.make_tensor_value_info("image", kind, (batch, 3, *hw))
    bias = helper.make_tensor_value_info("bias", kind, (batch, 3))
    sums = helper.make_tensor_value_info("sums", kind, (batch, 3))
    axes = helper.make_tensor("axes", TensorProto.INT64, (2,), [2, 3])
    nodes = [
        helper.make_node("ReduceSum", ["image", "axes"], ["plain"], keepdims=0),
        helper.make_node("Add", ["plain", "bias"], ["sums"]),
    ]
    graph = helper.make_graph(nodes, "batch", [image, bias], [sums], [axes])
    return _written(graph, folder / "batch.onnx")


def write_tiny_network(
    folder: Path, hw: tuple[int | str, int] = (4, 6), kind: int = TensorProto.FLOAT
) -> Path:
    """Write an ONNX file: input `image` (1, 3, *hw); outputs `seen`, the same, `sums` (1, 3)."""
    image = helper.make_tensor_value_info("image", kind, (1, 3, *hw))
    seen = helper.make_tensor_value_info("seen", kind, (1, 3, *hw))
    sums = helper.make_tensor_value_info("sums", kind, (1, 3))
    zero = helper.make_tensor("zero", kind, (), [0])
    axes = helper.make_tensor("axes", TensorProto.INT64, (2,), [2, 3])
    nodes = [
        helper.make_node("Add", ["image", "zero"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "axes"], ["sums"], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "tiny", [image], [seen, sums], [zero, axes])
    return _written(graph, folder / "tiny.onnx")


def write_dense_network(folder: Path, outputs: int, hw: tuple[int, int] = (16, 32)) -> Path:
    """Write an ONNX file: input `image` (1, 3, *hw), one fully connected layer, `y` (1, N)."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, *hw))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, outputs))
    weights = np.random.default_rng(0).standard_normal((outputs, 3 * hw[0] * hw[1]))
    nodes = [
        helper.make_node("Flatten", ["image"], ["row"]),
        helper.make_node("Gemm", ["row", "w"], ["y"], transB=1),
    ]
    constants = [numpy_helper.from_array(weights.astype(np.float32), "w")]
    return _written(
        helper.make_graph(nodes, "dense", [image], [y], constants), folder / "dense.onnx"
    )


def _written(graph: onnx.GraphProto, path: Path) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path
