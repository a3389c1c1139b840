"""A compact network computes what the exported one did, and tells nothing of the exporter."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from streamdet.building.compact import compact
from streamdet.errors import EngineError


def exported(largest: float = 1.0) -> Any:
    """x * w (a convolution, 8 x 8 x 3 x 3) + places (as many numbers, none of them a factor)."""
    weights = np.linspace(-largest, largest, 576, dtype=np.float32).reshape(8, 8, 3, 3)
    places = np.arange(8 * 36, dtype=np.float32).reshape(1, 8, 6, 6) + 4000.3
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["y"], pads=[1] * 4, doc_string="of /home/me"),
        helper.make_node("Concat", ["places", "places"], ["both"], axis=0),
        helper.make_node("Add", ["y", "both"], ["z"]),
    ]
    entry = nodes[0].metadata_props.add()
    entry.key, entry.value = "stack_trace", "/home/me/network.py"
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 8, 6, 6))
    z = helper.make_tensor_value_info("z", TensorProto.FLOAT, (2, 8, 6, 6))
    initialisers = [
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(places, "places"),
    ]
    graph = helper.make_graph(nodes, "toy", [x], [z], initialisers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def result(model: Any) -> Any:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = np.random.default_rng(0).random((2, 8, 6, 6), dtype=np.float32)
    return session.run(None, {"x": x})[0]


def test_it_computes_the_same_from_half_the_bytes() -> None:
    model = exported()
    before, size = result(model), model.ByteSize()
    compact(model, {})
    onnx.checker.check_model(model, full_check=True)
    assert np.abs(result(model) - before).max() < 72 * 2**-11  # 72 factors, half of a last bit each
    assert model.ByteSize() < size - 1000  # of 576 weights 4 bytes each, now 2


def test_only_factors_are_stored_in_half_precision() -> None:
    model = exported()
    compact(model, {})
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert types == {"w.half": TensorProto.FLOAT16, "places": TensorProto.FLOAT}


def test_the_exporter_s_notes_go_and_ours_stay() -> None:
    model = exported()
    compact(model, {"weights": "ab12"})
    assert b"/home/me" not in model.SerializeToString()
    assert [(each.key, each.value) for each in model.metadata_props] == [("weights", "ab12")]


def test_a_weight_beyond_half_precision_is_refused() -> None:
    with pytest.raises(EngineError, match="w holds 70000: half precision ends at 65504"):
        compact(exported(largest=70_000.0), {})
