"""A model whose network finds the same in every image, whatever that shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper

from streamdet.models.built_network import configuration_note
from streamdet.models.model_config import load_model_config

HW = (80, 90)
BOX = (10, 20, 50, 60)
_OUTPUTS = {"class_ids": np.zeros((1, 1), np.int64), "counts": np.ones(1, np.int64)}


def write_constant_model(
    folder: Path, *, score: float = 0.9, mask: npt.NDArray[np.float32] | None = None, **changes: Any
) -> str:
    """Write constant.yaml and its network.

    Args:
        folder: gets both.
        score: of the one person, who is at BOX.
        mask: (M, M), probabilities inside the box.
        **changes: of the configuration, which has no `network` unless it is stated here.

    Returns:
        The path of constant.yaml, which is the model's name to a command.
    """
    values = {
        "detector": "faster_rcnn",
        "weights": {"file": "constant.onnx"},
        "input": {"name": "image", "hw": [*HW]},
        "transform": {"kind": "letterbox", "anchor": "top_left", "pad": 0},
        "classes": ["person"],
        "score_thresh": 0.5,
        "iou_thresh": 0.5,
        "runtimes": {"onnxruntime": {"precision": "fp32"}},
    }
    path = folder / "constant.yaml"
    path.write_text(yaml.safe_dump(values | changes))
    floats = {
        "boxes": np.array([[BOX]], np.float32),
        "scores": np.array([[score]], np.float32),
        **({} if mask is None else {"masks": mask[None, None]}),
    }
    model = _network(floats)
    helper.set_model_props(model, configuration_note(load_model_config(str(path))))
    onnx.save(model, str(folder / "constant.onnx"))
    return str(path)


def _network(floats: Mapping[str, npt.NDArray[np.float32]]) -> onnx.ModelProto:
    """Add nothing times the image to constants: no runtime may leave its input out."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, *HW))
    constants = [numpy_helper.from_array(each, f"c_{name}") for name, each in floats.items()]
    constants += [numpy_helper.from_array(each, f"c_{name}") for name, each in _OUTPUTS.items()]
    constants.append(numpy_helper.from_array(np.zeros((), np.float32), "zero"))
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        *(helper.make_node("Add", [f"c_{name}", "nothing"], [name]) for name in floats),
        *(helper.make_node("Identity", [f"c_{name}"], [name]) for name in _OUTPUTS),
    ]
    outputs = [
        helper.make_tensor_value_info(name, kind, each.shape)
        for kind, group in ((TensorProto.FLOAT, floats), (TensorProto.INT64, _OUTPUTS))
        for name, each in group.items()
    ]
    graph = helper.make_graph(nodes, "constant", [image], outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
