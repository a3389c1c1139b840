"""A plugin's `enqueue` on the emulated device gives what ops/ gives.

TensorRT's classes are stand-ins here, with the names that a plugin reads; with the real ones
engines are built in test_compile.py. No GPU is involved in either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from streamdet.config.files import shipped
from streamdet.kernels.launch import DeviceArray
from streamdet.ops.nms import batched_nms
from streamdet.ops.roi_pool import roi_pool
from streamdet.runtimes.tensorrt.plugins import NodePlugin
from tests.emulation.emulated import EmulatedCuda, image
from tests.kernels.on_device import OnDevice

LIBRARY = SimpleNamespace(
    float32="FLOAT",
    float16="HALF",
    int64="INT64",
    TensorFormat=SimpleNamespace(LINEAR="LINEAR"),
    PluginFieldType=SimpleNamespace(INT32="int32", FLOAT32="float32", INT8="int8"),
    PluginField=lambda name, data, kind: SimpleNamespace(name=name, data=data, kind=kind),
    PluginFieldCollection=list,
)
TYPES = {np.dtype(np.float32): "FLOAT", np.dtype(np.float16): "HALF", np.dtype(np.int64): "INT64"}


def plugin(name: str, attributes: Mapping[str, Sequence[float]], kernels: str) -> NodePlugin:
    code = image(shipped("engines/kernels") / f"{kernels}.cu")
    fields = {key: np.array(values) for key, values in attributes.items()}
    return NodePlugin(LIBRARY, name, fields, code)


def described(arrays: Sequence[DeviceArray]) -> list[Any]:
    return [SimpleNamespace(dims=each.shape, type=TYPES[each.dtype]) for each in arrays]


def enqueued(node: NodePlugin, inputs: list[DeviceArray], outputs: list[DeviceArray], work: int
             ) -> None:  # fmt: skip
    code = node.enqueue(
        described(inputs), described(outputs),
        [each.pointer for each in inputs], [each.pointer for each in outputs], work, 0,
    )  # fmt: skip
    assert code == 0


@pytest.fixture
def device(cuda_context: EmulatedCuda) -> OnDevice:
    return OnDevice(cuda_context.driver, None)


def test_nms_in_a_plugin_keeps_what_the_reference_keeps(device: OnDevice) -> None:
    rng = np.random.default_rng(3)
    corners = rng.uniform(0, 60, (2, 70, 2)).astype(np.float32)
    xyxy = np.concatenate((corners, corners + rng.uniform(5, 30, (2, 70, 2))), 2, dtype=np.float32)
    scores = rng.uniform(0, 1, (2, 70)).astype(np.float32)
    ids = rng.integers(0, 2, (2, 70))
    given = [device.put(each) for each in (xyxy, scores, ids)]
    kept, counts = device.empty((2, 40), np.int64), device.empty((2,), np.int64)
    node = plugin(
        "Nms", {"classes": [2], "iou_thresh": [0.5], "score_thresh": [0.2], "most": [40]}, "nms"
    )
    largest = [SimpleNamespace(max=each.shape) for each in given]
    work = device.reserve(node.get_workspace_size(largest, None))
    enqueued(node, given, [kept, counts], work)
    device.check_margins()
    for row in range(2):
        high = np.flatnonzero(scores[row] > 0.2)
        wanted = high[batched_nms(xyxy[row, high], scores[row, high], ids[row, high], 0.5)][:40]
        assert device.get(counts)[row] == len(wanted) > 5
        np.testing.assert_array_equal(device.get(kept)[row, : len(wanted)], wanted)


def test_roi_pool_in_a_plugin_pools_as_the_reference(device: OnDevice) -> None:
    features = np.random.default_rng(1).random((1, 4, 12, 16), np.float32)
    rois = np.array([[0, 3, 5, 90, 70], [0, 8, 0, 30, 20], [0, 0, 0, 127, 95]], np.float32)
    pooled = device.empty((3, 4, 2, 3), np.float32)
    node = plugin("RoiPool", {"scale": [0.125], "output_hw": [2, 3]}, "roi_pool")
    enqueued(node, [device.put(rois), device.put(features)], [pooled], 0)
    wanted = roi_pool(
        torch.from_numpy(features), torch.from_numpy(rois), (2, 3), spatial_scale=0.125
    )
    np.testing.assert_array_equal(device.get(pooled), wanted.numpy())


def test_an_engine_keeps_attributes_and_ptx() -> None:
    node = NodePlugin(
        LIBRARY, "RoiPool", {"scale": np.array([0.5]), "output_hw": np.array([2, 3])}, b".version"
    )
    fields = {each.name: each for each in node.get_fields_to_serialize()}
    assert fields["scale"].data.dtype == np.float32
    assert fields["output_hw"].data.tolist() == [2, 3]
    assert (fields["output_hw"].kind, fields["ptx"].kind) == ("int32", "int8")
    assert fields["ptx"].data.tobytes() == b".version"


def test_only_rows_of_known_types_are_taken() -> None:
    node = plugin("RoiPool", {"scale": [0.5], "output_hw": [2, 3]}, "roi_pool")

    def taken(position: int, *tensors: tuple[str, str]) -> bool:
        described = [
            SimpleNamespace(desc=SimpleNamespace(type=kind, format=form)) for kind, form in tensors
        ]
        return node.supports_format_combination(position, described, 2)

    rois, halves = ("FLOAT", "LINEAR"), ("HALF", "LINEAR")
    assert taken(2, rois, halves, halves)
    assert not taken(2, rois, halves, rois)
    assert not taken(1, rois, ("HALF", "CHW32"))
    assert not taken(1, rois, ("INT8", "LINEAR"))
