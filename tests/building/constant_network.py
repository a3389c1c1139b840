"""An ONNX network that gives the same output for every image."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_constant_network(
    path: Path,
    output: npt.NDArray[np.float32],
    hw: tuple[int | str, int | str] = (64, 64),
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write an ONNX file: input `images` (1, 3, *hw), output `output0`."""
    image = helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, *hw))
    given = helper.make_tensor_value_info("output0", TensorProto.FLOAT, output.shape)
    constants = {"zero": np.float32(0), "output": output, "axes": np.arange(4)}
    nodes = [
        helper.make_node("ReduceSum", ["images", "axes"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Add", ["output", "nothing"], ["output0"]),
    ]
    tensors = [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()]
    graph = helper.make_graph(nodes, "constant", [image], [given], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    onnx.save(model, str(path))
