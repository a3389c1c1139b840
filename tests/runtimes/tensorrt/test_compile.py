"""Real engines, built by the TensorRT library of this venv (`make test-tensorrt`).

They are built for GPUs that are not here, and not executed: what they would compute is not tested.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import Tensor, nn

from streamdet.building.engine_recipe import EngineRecipe
from streamdet.building.export import export
from streamdet.building.half import to_fp16
from streamdet.building.int8 import prepared
from streamdet.config.files import shipped
from streamdet.errors import ConfigError, EngineError
from streamdet.kernels.ptx import ptx
from streamdet.models.model_config import load_model_config
from streamdet.networks import nodes
from streamdet.runtimes.plugin_nodes import kernels_of
from streamdet.runtimes.tensorrt.compile import CompiledEngine, EngineRequest, compile_engine

BATCHES = (1, 2, 4)


def shipped_network(name: str) -> Any:
    path = shipped("configs/models") / f"{name}.onnx"
    return prepared(path, load_model_config(name).input)


def engine(library: str, model: Any, *targets: str, limit_s: float = 300) -> CompiledEngine:
    code = {name: ptx(kernels) for name, kernels in kernels_of(model).items()}
    return compile_engine(EngineRequest(library, model, targets, BATCHES, code), limit_s)


class Pooled(nn.Module):
    """RoI Pool and RoI Align of regions that come in, with a free batch."""

    extra_inputs: dict[str, tuple[int, ...]] = {"boxes": (4, 4)}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 8, 3, stride=8, padding=1)

    def forward(self, image: Tensor, boxes: Tensor) -> dict[str, Tensor]:
        features = self.body(image)
        images = torch.arange(boxes.shape[0], dtype=boxes.dtype)[:, None, None].expand(-1, 4, 1)
        rois = torch.cat((images, boxes), dim=2).flatten(0, 1)
        pooled = nodes.pool_rois(rois, features, stride=8, output_side=2)
        aligned = nodes.multi_level_roi_align(rois, [features], strides=[8], output_side=2)
        return {"sums": (pooled + aligned).sum(dim=(1, 2, 3))}


def test_a_network_of_convolutions_is_built_in_fp16(tensorrt: str) -> None:
    model = to_fp16(shipped_network("people"), EngineRecipe())
    names = {node.name for node in model.graph.node if node.op_type == "Conv"}
    built = engine(tensorrt, model, "sm_89")
    convolutions = [each for each in built.layers if names & set(each.nodes)]
    assert len(convolutions) > 50
    assert {each.precision for each in convolutions} == {"fp16"}


def test_our_nodes_are_plugins_that_carry_their_ptx_and_bytes_repeat(tensorrt: str) -> None:
    model = shipped_network("street_rcnn")
    built = engine(tensorrt, model, "sm_89")
    assert [each.plugin for each in built.layers if each.plugin] == ["Nms", "RoiAlignFpn3", "Nms"]
    assert b".entry nms_overlaps" in built.content
    assert b".entry roi_align_fpn_f32" in built.content
    assert engine(tensorrt, model, "sm_89").content == built.content


def test_roi_pool_and_one_level_of_roi_align_are_plugins_for_any_batch(
    tensorrt: str, tmp_path: Path
) -> None:
    network: Any = Pooled()
    onnx.save(export(network, "image", (64, 64)), tmp_path / "pooled.onnx")
    built = engine(tensorrt, prepared(tmp_path / "pooled.onnx"), "sm_86")
    assert sorted(each.plugin for each in built.layers if each.plugin) == [
        "RoiAlignFpn1",
        "RoiPool",
    ]
    assert {each.precision for each in built.layers if each.plugin} == {"fp32"}


def test_one_engine_serves_several_gpus(tensorrt: str) -> None:
    model = to_fp16(shipped_network("street"), EngineRecipe())
    both = engine(tensorrt, model, "sm_89", "sm_120")
    assert both.content != engine(tensorrt, model, "sm_89").content


def test_a_gpu_that_the_library_does_not_build_for_is_refused(tensorrt: str) -> None:
    with pytest.raises(ConfigError, match=r"builds for .*sm_89.*, not for sm_90: H100 and H200"):
        engine(tensorrt, shipped_network("people"), "sm_90")


def test_what_the_library_cannot_read_is_told_in_a_sentence(tensorrt: str) -> None:
    made = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 18, "x": 1]> g (float[1,3] a) => (float[1,3] b)'
        " { [b] b = x.Unknown (a) }"
    )
    with pytest.raises(EngineError, match=r"cannot read node b \(Unknown\)"):
        engine(tensorrt, made, "sm_89")


def test_a_build_that_takes_too_long_is_ended(tensorrt: str) -> None:
    with pytest.raises(EngineError, match=f"{tensorrt} did not build the engine in 0 s"):
        engine(tensorrt, shipped_network("people"), "sm_89", limit_s=0.05)


def test_a_library_that_does_not_load_is_told_in_a_sentence() -> None:
    with pytest.raises(EngineError, match="no_such_library does not load: No module named"):
        engine("no_such_library", shipped_network("people"), "sm_89")
