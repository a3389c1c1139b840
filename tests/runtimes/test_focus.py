"""A folded Focus stem computes what the two steps computed."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from streamdet.runtimes.focus import fold_focus
from streamdet.runtimes.openvino import core

FOCUS = [(0, 0), (1, 0), (0, 1), (1, 1)]  # YOLOX's order: row, column


def graph_of(
    folder: Path,
    phases: list[tuple[int, int]],
    stride: int = 1,
    end: int = 999,
    *,
    is_half: bool = False,
) -> Any:
    """A network: slices at `phases`, joined, then a 3 x 3 convolution to 5 channels."""

    nodes, names = [], []
    constants = {"end": [end], "two": [2], "rows": [2], "columns": [3], "0": [0], "1": [1]}
    for index, (row, column) in enumerate(phases):
        half, name = f"half{index}", f"phase{index}"
        nodes.append(helper.make_node("Slice", ["x", str(row), "end", "rows", "two"], [half]))
        nodes.append(
            helper.make_node("Slice", [half, str(column), "end", "columns", "two"], [name])
        )
        names.append(name)
    nodes.append(helper.make_node("Concat", names, ["joined"], axis=1))
    weights = np.random.default_rng(0).standard_normal((5, 3 * len(phases), 3, 3))
    initialisers = [
        numpy_helper.from_array(np.array(v, dtype=np.int64), k) for k, v in constants.items()
    ]
    if is_half:
        nodes.append(helper.make_node("Cast", ["half"], ["w"], to=TensorProto.FLOAT))
        initialisers.append(numpy_helper.from_array(weights.astype(np.float16), "half"))
    else:
        initialisers.append(numpy_helper.from_array(weights.astype(np.float32), "w"))
    nodes.append(
        helper.make_node("Conv", ["joined", "w"], ["y"], pads=[1] * 4, strides=[stride] * 2)
    )
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 8, 12))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "focus", [x], [y], initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "focus.onnx"))
    return core().read_model(folder / "focus.onnx")


def result(graph: Any) -> Any:

    compiled = core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    x = np.random.default_rng(1).standard_normal((1, 3, 8, 12)).astype(np.float32)
    return compiled([x])[0]


def slices(graph: Any) -> int:
    return sum(node.get_type_name() == "Slice" for node in graph.get_ordered_ops())


@pytest.mark.parametrize("is_half", [False, True])
@pytest.mark.parametrize("phases", [FOCUS, sorted(FOCUS)])
def test_the_folded_network_computes_the_same(
    tmp_path: Path, phases: list[tuple[int, int]], is_half: bool
) -> None:
    graph = graph_of(tmp_path, phases, is_half=is_half)
    before = result(graph)
    fold_focus(graph)
    assert slices(graph) == 0
    np.testing.assert_allclose(result(graph), before, atol=1e-4)


@pytest.mark.parametrize(
    ("phases", "stride", "end"),
    [(FOCUS[:3], 1, 999), ([*FOCUS[:3], (0, 0)], 1, 999), (FOCUS, 2, 999), (FOCUS, 1, 6)],
)
def test_what_is_no_focus_stays(
    tmp_path: Path, phases: list[tuple[int, int]], stride: int, end: int
) -> None:
    graph = graph_of(tmp_path, phases, stride, end)
    fold_focus(graph)
    assert slices(graph) == 2 * len(phases)
