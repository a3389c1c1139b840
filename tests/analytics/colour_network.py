"""A classifier as a user may bring one: its logits are the image's mean red, green and blue."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def write_colour_network(path: Path, *, hw: tuple[int, int] = (8, 8)) -> Path:
    """Write an ONNX file: input `image` (1, 3, H, W), RGB 0..255, output `scores` (1, 3)."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *hw])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 3])
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["means"]),
        helper.make_node("Flatten", ["means"], ["scores"]),
    ]
    graph = helper.make_graph(nodes, "colours", [image], [scores])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )
    return path
