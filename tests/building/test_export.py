"""An export is checked, holds the bodies of our nodes, and says what cannot be exported."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from streamdet.building.export import export
from streamdet.building.functions import function_of
from streamdet.errors import EngineError
from streamdet.networks import NODE_DOMAIN, nodes


class Doubled(nn.Module):
    extra_inputs: ClassVar[dict[str, tuple[int, ...]]] = {"more": (2,)}

    def forward(self, image: Tensor, more: Tensor) -> dict[str, Tensor]:
        return {"sums": 2 * image.mean(dim=(1, 2, 3)), "raised": more + 1}


class Pooled(nn.Module):
    extra_inputs: ClassVar[dict[str, tuple[int, ...]]] = {}

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        rois = torch.tensor([[0.0, 0.0, 0.0, 8.0, 8.0]])
        return {"pooled": nodes.pool_rois(rois, image, stride=1, output_side=2)}


class DataDependent(nn.Module):
    extra_inputs: ClassVar[dict[str, tuple[int, ...]]] = {}

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"high": image if float(image.mean()) > 0.5 else 2 * image}


def exported(module: Any, batch: int | None = None) -> Any:
    return export(module, "image", (8, 8), batch)


def shapes(values: Any) -> dict[str, list[int]]:
    return {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in values
    }


def test_inputs_and_outputs_bear_their_names_and_fixed_shapes() -> None:
    graph = exported(Doubled(), batch=4).graph
    assert shapes(graph.input) == {"image": [4, 3, 8, 8], "more": [4, 2]}
    assert list(shapes(graph.output)) == ["sums", "raised"]


def test_a_network_takes_any_number_of_images_at_once(tmp_path: Path) -> None:
    onnx.save(exported(Doubled()), tmp_path / "network.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "network.onnx"))
    assert [each.shape for each in session.get_inputs()] == [["batch", 3, 8, 8], ["batch", 2]]
    for number in (1, 3):
        image = np.full((number, 3, 8, 8), 4, np.float32)
        more = np.arange(2 * number, dtype=np.float32).reshape(number, 2)
        sums, raised = session.run(None, {"image": image, "more": more})
        np.testing.assert_array_equal(sums, np.full(number, 8, np.float32))
        np.testing.assert_array_equal(raised, more + 1)


def test_each_node_of_ours_names_the_domain_of_its_plugin() -> None:
    [node] = [node for node in exported(Pooled()).graph.node if node.domain == NODE_DOMAIN]
    [value] = [each.s for each in node.attribute if each.name == "plugin_namespace"]
    assert value == b"streamdet"


def test_a_node_of_ours_comes_with_its_body() -> None:
    model = exported(Pooled())
    assert [node.op_type for node in model.graph.node if node.domain == NODE_DOMAIN] == ["RoiPool"]
    assert [function.name for function in model.functions] == ["RoiPool"]


def test_a_network_whose_shape_depends_on_data_is_refused() -> None:
    with pytest.raises(EngineError, match="torch cannot export DataDependent"):
        exported(DataDependent())


def test_a_node_without_a_body_is_refused() -> None:
    with pytest.raises(EngineError, match="no body for the node streamdet::Sort, only for Nms"):
        function_of("Sort")
