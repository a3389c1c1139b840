"""fp16 and int8 of a network: which nodes are lowered, and that it still computes the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from streamdet.building.compact import compact, expand
from streamdet.building.engine_recipe import EngineRecipe
from streamdet.building.half import to_fp16
from streamdet.building.int8 import prepared, to_int8
from streamdet.runtimes import Tensors

SIDE = 16


def network(path: Path) -> Path:
    """Three convolutions, the middle one depthwise, then a decoding: output = 100 x last + 7."""
    rng = np.random.default_rng(0)
    text = f"""<ir_version: 8, opset_import: ["": 18]>
    g (float[batch,3,{SIDE},{SIDE}] image) => (float[batch,8,{SIDE},{SIDE}] output) {{
      [first] a = Conv <pads: ints = [1,1,1,1]> (image, w1)
      [relu] b = Relu (a)
      [depthwise] c = Conv <pads: ints = [1,1,1,1], group: int = 32> (b, w2)
      [relu2] d = Relu (c)
      [middle] e = Conv (d, w3)
      [relu3] f = Relu (e)
      [last] g0 = Conv (f, w4)
      hundred = Constant <value_float: float = 100.0> ()
      [times] h = Mul (g0, hundred)
      seven = Constant <value_float: float = 7.0> ()
      [plus] output = Add (h, seven)
    }}"""
    model = onnx.parser.parse_model(text)
    shapes = {"w1": (32, 3, 3, 3), "w2": (32, 1, 3, 3), "w3": (32, 32, 1, 1), "w4": (8, 32, 1, 1)}
    for name, shape in shapes.items():
        weights = rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(weights, name))
    onnx.save(model, path)
    return path


def images(number: int) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(1)
    return [rng.normal(0, 1, (1, 3, SIDE, SIDE)).astype(np.float32) for _ in range(number)]


def computed(model: Any, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    [output] = session.run(None, {"image": image})
    assert isinstance(output, np.ndarray)
    return output


@pytest.fixture
def plain(tmp_path: Path) -> Any:
    return prepared(network(tmp_path / "network.onnx"))


def relative_error(model: Any, reference: Any) -> float:
    image = images(9)[-1]
    wanted, found = computed(reference, image), computed(model, image)
    return float(np.abs(found - wanted).mean() / np.abs(wanted).mean())


def test_fp16_ends_with_the_last_convolution(tmp_path: Path, plain: Any) -> None:
    lowered = to_fp16(plain, EngineRecipe())
    inferred = onnx.shape_inference.infer_shapes(lowered)
    types = {each.name: each.type.tensor_type.elem_type for each in inferred.graph.value_info}
    by_name = {node.name: types.get(node.output[0]) for node in lowered.graph.node}
    half, single = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    assert [by_name[each] for each in ("first", "relu", "middle", "last", "times")] == [
        half, half, half, half, single,
    ]  # fmt: skip
    assert relative_error(lowered, prepared(tmp_path / "network.onnx")) < 1e-3


def test_fp16_leaves_the_nodes_that_the_recipe_names(plain: Any) -> None:
    lowered = to_fp16(plain, EngineRecipe(keep_fp32=("last",)))
    inferred = onnx.shape_inference.infer_shapes(lowered)
    types = {each.name: each.type.tensor_type.elem_type for each in inferred.graph.value_info}
    [last] = [node for node in lowered.graph.node if node.name == "last"]
    assert types[last.output[0]] == onnx.TensorProto.FLOAT


def quantised_convolutions(model: Any) -> list[str]:
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "Conv" and makers.get(node.input[1]) == "DequantizeLinear"
    ]


@pytest.mark.parametrize("calibration", ["minmax", "percentile"])
def test_int8_leaves_the_ends_and_depthwise_convolutions(
    tmp_path: Path, plain: Any, calibration: Any
) -> None:
    inputs: Iterator[Tensors] = iter([{"image": image} for image in images(8)])
    lowered = to_int8(plain, inputs, EngineRecipe(calibration=calibration))
    assert quantised_convolutions(lowered) == ["middle"]
    zeros = [each for each in lowered.graph.initializer if each.name.endswith("zero_point")]
    assert zeros
    assert all(not onnx.numpy_helper.to_array(each).any() for each in zeros)
    error = relative_error(lowered, prepared(tmp_path / "network.onnx"))
    assert 1e-4 < error < 0.05


def test_an_expanded_network_is_as_before_it_was_compact(tmp_path: Path) -> None:
    path = network(tmp_path / "network.onnx")
    model = onnx.load(path)
    compact(model, {})
    assert any(node.op_type == "Cast" for node in model.graph.node)
    wanted = computed(model, images(1)[0])
    expand(model)
    assert not any(node.op_type == "Cast" for node in model.graph.node)
    np.testing.assert_array_equal(computed(model, images(1)[0]), wanted)


def test_nodes_get_names_and_ours_their_plugins(tmp_path: Path) -> None:
    node = onnx.helper.make_node("Nms", ["a"], ["b"], domain="streamdet")
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], []))
    onnx.save(model, tmp_path / "own.onnx")
    [found] = prepared(tmp_path / "own.onnx").graph.node
    assert found.name == "Nms_0"
    assert [each.s for each in found.attribute] == [b"streamdet"]
