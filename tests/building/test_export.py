"""An export is checked, holds the bodies of our nodes, and says what cannot be exported."""

from typing import Any, ClassVar

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


def exported(module: Any, batch: int = 1) -> Any:
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
