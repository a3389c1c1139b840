"""What is asked of our nodes on a GPU is answered by numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from streamdet.kernels.launch import DeviceArray
from streamdet.runtimes.plugin_nodes import (
    FLOAT,
    HALF,
    INT64,
    NODE_KINDS,
    NmsNode,
    RoiAlignFpnNode,
    RoiPoolNode,
    kernels_of,
)

Values = Mapping[str, Sequence[float]]

NMS: Values = {"classes": [3], "iou_thresh": [0.5], "score_thresh": [0.1], "most": [7]}
ALIGN: Values = {
    "output_side": [7],
    "sampling_ratio": [2],
    "finest_level": [2.0],
    "levels_above": [1.0],
    "scale0": [0.25],
    "scale1": [0.125],
}
POOL: Values = {"scale": [0.0625], "output_hw": [2, 3]}


def arrays(values: Values) -> dict[str, npt.NDArray[Any]]:
    return {name: np.array(each) for name, each in values.items()}


def at(shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> DeviceArray:
    return DeviceArray(4096, shape, np.dtype(dtype))


def test_nms_gives_a_fixed_number_of_rows_for_a_free_number_of_images() -> None:
    node = NmsNode(arrays(NMS))
    shapes = node.output_shapes([["B", 960, 4], ["B", 960], ["B", 960]])
    assert shapes == [["B", 7], ["B"]]
    assert node.output_types([FLOAT, FLOAT, INT64]) == [INT64, INT64]


def test_pooled_regions_have_the_channels_of_the_maps() -> None:
    align = RoiAlignFpnNode(arrays(ALIGN))
    assert align.output_shapes([["R", 5], ["B", 64, 32, 48], ["B", 64, 16, 24]]) == [
        ["R", 64, 7, 7]
    ]
    pool = RoiPoolNode(arrays(POOL))
    assert pool.output_shapes([["R", 5], ["B", 64, 32, 48]]) == [["R", 64, 2, 3]]
    assert pool.output_types([FLOAT, HALF]) == [HALF]


def test_coordinates_stay_in_fp32_and_maps_agree() -> None:
    align = RoiAlignFpnNode(arrays(ALIGN))
    assert align.takes(0, [FLOAT])
    assert not align.takes(0, [HALF])
    assert align.takes(2, [FLOAT, HALF, HALF])
    assert not align.takes(2, [FLOAT, HALF, FLOAT])
    nms = NmsNode(arrays(NMS))
    assert not nms.takes(0, [HALF])
    assert nms.takes(2, [FLOAT, FLOAT, INT64])


def test_the_workspace_holds_a_bit_for_each_pair_of_boxes() -> None:
    # 2 images x 100 boxes x 2 words of 64 boxes x 8 bytes, and an order and a count of 4 bytes
    assert NmsNode(arrays(NMS)).workspace([[2, 100, 4]]) == 2 * (100 * 2 * 8 + 100 * 4 + 4)
    assert RoiPoolNode(arrays(POOL)).workspace([[5, 5]]) == 0


def test_the_attributes_reach_the_kernels() -> None:
    node = RoiAlignFpnNode(arrays(ALIGN))
    maps = [at((1, 8, 32, 48)), at((1, 8, 16, 24))]
    [launch] = node.launches([at((10, 5)), *maps], [at((10, 8, 7, 7))], 0)
    assert launch.kernel == "roi_align_fpn_f32"
    scales = [float(each) for each in launch.arguments if isinstance(each, np.float32)]
    assert scales[:2] == [2.0, 1.0]
    assert {0.25, 0.125} <= set(scales)
    [pooled] = RoiPoolNode(arrays(POOL)).launches(
        [at((10, 5)), at((1, 8, 32, 48), np.float16)], [at((10, 8, 2, 3), np.float16)], 0
    )
    assert pooled.kernel == "roi_pool_f16"


def test_a_network_names_the_kernels_that_it_needs() -> None:
    nodes = [
        onnx.helper.make_node("Nms", ["a"], ["b"], domain="streamdet"),
        onnx.helper.make_node("RoiAlignFpn3", ["b"], ["c"], domain="streamdet"),
        onnx.helper.make_node("Relu", ["c"], ["d"]),
    ]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [], []))
    assert kernels_of(model) == {"Nms": "nms", "RoiAlignFpn3": "roi_align_fpn"}


@pytest.mark.parametrize("levels", [1, 5])
def test_each_number_of_levels_is_a_plugin(levels: int) -> None:
    assert f"scale{levels - 1}" in NODE_KINDS[f"RoiAlignFpn{levels}"].attributes
    assert f"scale{levels}" not in NODE_KINDS[f"RoiAlignFpn{levels}"].attributes
