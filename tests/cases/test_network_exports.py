"""One network, exported with other switches: the same boxes come out of each file."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from streamdet.detections import Detections
from streamdet.detectors.parts.grid import cell_grid
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.yolox import Yolox
from streamdet.image import Pixels
from streamdet.models.model_config import load_model_config
from streamdet.registry import load
from streamdet.runtimes import Runtime, RuntimeOptions
from tests.runtimes.cpu_runtimes import CPU_RUNTIMES

MODEL = load_model_config("yolox_nano")


def decoded(model: onnx.ModelProto) -> None:
    """Boxes in pixels, as YOLOX's --decode_in_inference writes them."""
    graph, cells = model.graph, cell_grid((416, 416), (8, 16, 32))
    split = helper.make_node("Split", [graph.output[0].name], ["xy", "wh", "rest"], axis=2)
    sizes = np.array([2, 2, 81], np.int64)
    if model.opset_import[0].version < 13:
        split.attribute.append(helper.make_attribute("split", sizes))
    else:
        split.input.append("sizes")
    arrays = {"cells": cells[0][None], "strides": cells[1][None], "sizes": sizes}
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(a), name) for name, a in arrays.items()
    )
    graph.node.extend(
        [
            split,
            helper.make_node("Add", ["xy", "cells"], ["from_left_top"]),
            helper.make_node("Mul", ["from_left_top", "strides"], ["centres"]),
            helper.make_node("Exp", ["wh"], ["wh_in_cells"]),
            helper.make_node("Mul", ["wh_in_cells", "strides"], ["sides"]),
            helper.make_node("Concat", ["centres", "sides", "rest"], ["decoded"], axis=2),
        ]
    )
    graph.output[0].CopyFrom(
        helper.make_tensor_value_info("decoded", TensorProto.FLOAT, (1, len(cells[0]), 85))
    )


def dynamic(model: onnx.ModelProto) -> None:
    """A free batch, as --dynamic writes it."""
    for value in (model.graph.input[0], *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"


def half(model: onnx.ModelProto) -> None:
    """Half precision at both ends."""
    graph = model.graph
    image, output = graph.input[0], graph.output[0]
    for node in graph.node:
        node.input[:] = ["image_f32" if name == image.name else name for name in node.input]
    graph.node.insert(
        0, helper.make_node("Cast", [image.name], ["image_f32"], to=TensorProto.FLOAT)
    )
    graph.node.append(helper.make_node("Cast", [output.name], ["half"], to=TensorProto.FLOAT16))
    image.type.tensor_type.elem_type = TensorProto.FLOAT16
    output.name, output.type.tensor_type.elem_type = "half", TensorProto.FLOAT16


@pytest.fixture(scope="module")
def frame(data: Path) -> Pixels:
    """The first frame of pets09 in the corner of a grey 416 x 416 image, as letterbox puts it."""
    with av.open(str(data / "videos" / "pets09-s2l1.avi")) as container:
        decoded_frame = next(container.decode(video=0))
    image = np.full((416, 416, 3), 114, dtype=np.uint8)
    image[:312] = decoded_frame.reformat(416, 312, format="bgr24").to_ndarray()
    return image


def detect(kind: str, weights: Path, frame: Pixels) -> Detections:
    assert MODEL.input is not None
    runtime: Runtime = load("runtime", kind)(weights, MODEL.input, RuntimeOptions())
    return Yolox(NetworkOptions(model="yolox_nano"), MODEL, runtime)([frame])[0]


@pytest.mark.parametrize("kind", CPU_RUNTIMES)
@pytest.mark.parametrize("export", [decoded, dynamic, half])
def test_every_export_finds_what_the_plain_file_finds(
    kind: str, export: Callable[[onnx.ModelProto], None], data: Path, frame: Pixels, tmp_path: Path
) -> None:
    plain = data / "weights" / "yolox_nano.onnx"
    model = onnx.load(plain)
    export(model)
    onnx.save(model, tmp_path / "other.onnx")
    wanted, found = detect(kind, plain, frame), detect(kind, tmp_path / "other.onnx", frame)
    assert len(wanted) >= 5
    np.testing.assert_array_equal(found.class_ids, wanted.class_ids)
    np.testing.assert_allclose(found.xyxy, wanted.xyxy, atol=0.5)
