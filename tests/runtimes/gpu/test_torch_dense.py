"""Dense parts by torch give what ONNX Runtime gives; on a GPU itself they were never executed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.built_network import find_network
from streamdet.models.model_config import ImageInput, load_model_config
from streamdet.registry import load
from streamdet.runtimes import RuntimeOptions
from streamdet.runtimes.gpu.by_parts import PartsNetwork
from streamdet.runtimes.gpu.runtime import GpuRuntime
from streamdet.runtimes.gpu.split import DensePart, split
from streamdet.runtimes.gpu.torch_dense import DenseProgram, TorchDense
from streamdet.runtimes.onnxruntime import OnnxRuntime
from streamdet.sources.scene_uri import SceneSpec
from streamdet.sources.street import Street
from streamdet.transport.cuda_device import CudaDevice
from tests.emulation.host_torch import HostTorch
from tests.runtimes.gpu.test_by_parts import assert_same_detections


def given(name: str) -> tuple[ImageInput, Path, list[Pixels]]:
    """A shipped model's input, its network, and two images of a street."""
    model = load_model_config(name)
    assert model.input is not None
    scene = Street(SceneSpec(hw=model.input.hw))
    images = [scene.render(index) for index in (20, 80)]
    return model.input, find_network(model).path, images


def by_torch(image_input: ImageInput, path: Path, gpu: CudaDevice) -> GpuRuntime:
    network = PartsNetwork(path, image_input, gpu, 1, TorchDense(gpu, HostTorch(gpu)))
    return GpuRuntime(network, gpu, image_input)


def test_a_network_of_convolutions_gives_what_onnxruntime_gives(emulated_gpu: CudaDevice) -> None:
    image_input, path, images = given("people")
    wanted = OnnxRuntime(path, image_input, RuntimeOptions())(images)
    for came, same in zip(by_torch(image_input, path, emulated_gpu)(images), wanted, strict=True):
        np.testing.assert_allclose(came["output"], same["output"], rtol=1e-3, atol=5e-3)


def test_a_network_with_our_nodes_finds_what_onnxruntime_finds(emulated_gpu: CudaDevice) -> None:
    image_input, path, images = given("street_rcnn")
    wanted = OnnxRuntime(path, image_input, RuntimeOptions())(images)
    runtime = by_torch(image_input, path, emulated_gpu)
    assert "(cpu), 3 of its nodes by our kernels" in runtime.name
    for came, same in zip(runtime(images), wanted, strict=True):
        assert_same_detections(came, same)


@pytest.mark.parametrize("name", ["people", "street_rcnn"])
def test_nothing_mixes_the_memory_of_a_gpu_with_that_of_the_cpu(name: str) -> None:
    """torch's meta device computes shapes alone, and refuses what CUDA would refuse."""
    image_input, path, _ = given(name)
    network = onnx.load(path)
    known = {"image": torch.empty((2, 3, *image_input.hw), device="meta")}
    for part in split(network):
        inputs = {key: known[key] for key in part.inputs}
        if isinstance(part, DensePart):
            made = DenseProgram(network, part, "meta")(inputs)
            known |= {key: torch.empty_like(value, device="meta") for key, value in made.items()}
        else:
            shapes = part.node.output_shapes([value.shape for value in inputs.values()])
            for key, shape in zip(part.outputs, shapes, strict=True):
                known[key] = torch.empty(shape, device="meta")
    assert {value.name for value in network.graph.output} <= known.keys()


def graph_of(*nodes: Any, constants: Mapping[str, Any] | None = None) -> tuple[Any, DensePart]:
    stored = [onnx.numpy_helper.from_array(np.array(v), k) for k, v in (constants or {}).items()]
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, None)
    graph = helper.make_graph(
        nodes, "g", [image], [helper.make_empty_tensor_value_info("y")], stored
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    [part] = split(model)
    assert isinstance(part, DensePart)
    return model, part


def computed(x: Any, *nodes: Any, **constants: Any) -> list[Any]:
    model, part = graph_of(*nodes, constants=constants)
    found: list[Any] = DenseProgram(model, part, "cpu")({"x": torch.tensor(x)})["y"].tolist()
    return found


def node(kind: str, *inputs: str, **attributes: Any) -> Any:
    return helper.make_node(kind, ["x", *inputs], ["y"], **attributes)


def test_ties_of_topk_go_by_index() -> None:
    found = computed(
        [1.0, 3.0, 3.0, 2.0],
        helper.make_node("TopK", ["x", "k"], ["values", "y"]),
        k=np.array([3]),
    )
    assert found == [1, 2, 3]


def test_negative_indices_count_from_the_end() -> None:
    assert computed([5.0, 6.0, 7.0], node("Gather", "i"), i=np.array([-1, 0])) == [7, 5]


def test_whole_numbers_are_divided_towards_zero() -> None:
    assert computed([-7, 7], node("Div", "two"), two=np.array(2)) == [-3, 3]


def test_a_side_of_zero_stays_as_it_is() -> None:
    found = computed([[1.0, 2.0]], node("Reshape", "to"), to=np.array([0, 2, 1]))
    assert found == [[[1], [2]]]


def test_uneven_padding_is_at_its_sides() -> None:
    found = computed([[[[1.0, 2.0]]]], node("MaxPool", kernel_shape=[1, 2], pads=[0, 0, 0, 1]))
    assert found == [[[[2, 2]]]]


def test_slices_leave_the_other_axes_alone() -> None:
    rows = [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]
    bounds = {key: np.array([value]) for key, value in zip("seap", (1, 4, 1, 2), strict=True)}
    assert computed(rows, node("Slice", "s", "e", "a", "p"), **bounds) == [[2, 4], [6, 8]]


def test_a_shape_may_be_cut() -> None:
    assert computed([[[1.0, 2.0]]], node("Shape", start=1, end=3)) == [1, 2]


def test_what_needs_constants_alone_is_computed_once() -> None:
    double = helper.make_node("Add", ["one", "one"], ["two"])
    model, part = graph_of(double, node("Mul", "two"), constants={"one": np.float32(1)})
    program = DenseProgram(model, part, "cpu")
    assert len(program._calls) == 1
    assert program({"x": torch.tensor([4.0])})["y"].tolist() == [8]


def test_an_unknown_operator_is_named() -> None:
    with pytest.raises(EngineError, match="torch does not know the operator Erf"):
        computed([1.0], node("Erf"))


def test_a_way_of_resizing_that_is_not_known_is_named() -> None:
    resize = helper.make_node("Resize", ["x", "", "s"], ["y"], mode="linear")
    with pytest.raises(EngineError, match="Resize is known as nearest, floor"):
        computed([[[[1.0]]]], resize, s=np.array([1, 1, 2, 2], np.float32))


def test_a_torch_for_cpus_is_refused_with_what_to_install(
    tmp_path: Path, emulated_gpu: CudaDevice
) -> None:
    model = load_model_config("people")
    assert model.input is not None
    with pytest.raises(EngineError, match="cannot use cuda:0: install a build of torch for CUDA"):
        load("runtime", "torch").on_gpu(
            find_network(model).path, model.input, RuntimeOptions(), emulated_gpu, 1
        )
