"""YOLOX decoded and suppressed by kernels, emulated, finds what it finds on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from streamdet.detections import Detections
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.yolox import Yolox
from streamdet.kernels.launch import DeviceArray
from streamdet.models.model_config import load_model_config
from streamdet.runtimes.gpu.runtime import GpuRuntime
from streamdet.transport.cuda_device import CudaDevice
from tests.detectors.scripted_runtime import ScriptedRuntime

MODEL = load_model_config("street")
CLASSES = len(MODEL.classes)


class Scripted:
    """A network on the GPU that gives what it is told; see gpu.GpuNetwork."""

    name = "scripted"

    def __init__(self, gpu: CudaDevice, output: npt.NDArray[Any]) -> None:
        assert MODEL.input is not None
        self._gpu, self._output = gpu, output
        self.inputs: Mapping[str, DeviceArray] = {
            MODEL.input.name: gpu.array((len(output), 3, *MODEL.input.hw), np.float32)
        }
        self.outputs: Mapping[str, DeviceArray] = {"output": gpu.array(output.shape, output.dtype)}

    def run(self) -> None:
        self._gpu.upload(lambda room: np.copyto(room, self._output), self.outputs["output"])


def crowd(seed: int) -> npt.NDArray[np.float32]:
    """Outputs for one image: candidates that overlap, ties, and some that are not finite."""
    assert MODEL.input is not None
    height, width = MODEL.input.hw
    cells = sum(-(-height // stride) * -(-width // stride) for stride in (8, 16, 32))
    rng = np.random.default_rng(seed)
    output = rng.normal(0, 0.5, (1, cells, 5 + CLASSES)).astype(np.float32)
    output[..., 4:] = rng.integers(0, 3, (1, cells, 1 + CLASSES)) / 100
    busy = rng.choice(cells, 300, replace=False)
    output[0, busy, 4:] = rng.integers(0, 11, (300, 1 + CLASSES)) / 10
    output[0, busy[:3], 2] = (np.nan, 1000, np.inf)
    return output


def found(
    output: npt.NDArray[np.float32], gpu: CudaDevice, options: NetworkOptions
) -> tuple[Detections, Detections]:
    """On the GPU, and on the CPU."""
    assert MODEL.input is not None
    there = Yolox(options, MODEL, GpuRuntime(Scripted(gpu, output), gpu, MODEL.input))
    here = Yolox(options, MODEL, ScriptedRuntime({"output": output}))
    image = np.zeros((*MODEL.input.hw, 3), np.uint8)
    return there([image])[0], here([image])[0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"score_thresh": 0.0},
        {"iou_thresh": 1.0, "max_detections": 7},
        {"classes": MODEL.classes[1:2], "iou_thresh": 0.1},
    ],
    ids=["model's own", "all scores", "no suppression", "one class"],
)
def test_kernels_keep_what_the_cpu_keeps(emulated_gpu: CudaDevice, options: Any) -> None:
    there, here = found(crowd(1), emulated_gpu, NetworkOptions(model="street", **options))
    assert len(here) >= 7
    assert there.class_ids.tolist() == here.class_ids.tolist()
    assert there.scores.tolist() == here.scores.tolist()
    np.testing.assert_allclose(there.xyxy, here.xyxy, rtol=1e-5, atol=1e-3)


def test_an_image_without_objects_has_none(emulated_gpu: CudaDevice) -> None:
    quiet = crowd(1)
    quiet[..., 4:] = 0.01
    there, _ = found(quiet, emulated_gpu, NetworkOptions(model="street"))
    assert len(there) == 0
