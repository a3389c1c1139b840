"""A GPU, emulated, prepares images as the CPU does, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from streamdet.config.files import shipped
from streamdet.errors import FrameError
from streamdet.image import ArrayImage, Pixels
from streamdet.registry import KINDS, load
from streamdet.stages.cuda_transform import CudaTransform
from streamdet.stages.device_image import DeviceImage, on_device
from streamdet.transforms import KernelTransform
from streamdet.transport.cuda_device import CudaDevice, open_device
from tests.emulation import build
from tests.emulation.emulated import EmulatedCuda

OPTIONS: dict[str, dict[str, Any]] = {
    "letterbox": {"hw": [48, 64], "anchor": "centre", "pad": [1, 2, 3]},
    "shortest_edge": {"shortest_edge": 30, "longest_edge": 50},
    "stretch": {"hw": [33, 41]},
}


@pytest.fixture
def device(emulated_cuda: EmulatedCuda, monkeypatch: pytest.MonkeyPatch) -> Iterator[CudaDevice]:
    kernels = build.kernel_library(shipped("engines/kernels") / "prepare.cu")
    monkeypatch.setenv("EMULATED_CUDA_KERNELS", str(kernels))
    made = open_device("cuda:0")
    yield made
    made.close()
    assert emulated_cuda.used_bytes() == 0


def noise(height: int, width: int) -> Pixels:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def test_every_transform_is_tried() -> None:
    assert [*OPTIONS] == [*KINDS["transform"]]


@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("hw", [(40, 60), (90, 31), (1, 1)])
def test_a_gpu_prepares_the_same_bytes_and_geometry(
    device: CudaDevice, kind: str, hw: tuple[int, int]
) -> None:
    image = noise(*hw)
    made = load("transform", kind)
    transform = made(made.Options.model_validate(OPTIONS[kind]))
    assert isinstance(transform, KernelTransform)
    wanted = np.empty((*transform.output_hw(hw), 3), np.uint8)
    geometry = transform(ArrayImage(image), wanted)
    out = device.private(wanted.shape, wanted.dtype)
    assert CudaTransform(transform, device)(ArrayImage(image), out) == geometry
    np.testing.assert_array_equal(device.download(out), wanted)


def test_an_empty_image_is_refused(device: CudaDevice) -> None:
    made = load("transform", "stretch")
    transform = CudaTransform(made(made.Options(hw=(4, 4))), device)
    out = device.private((4, 4, 3), np.dtype(np.uint8))
    with pytest.raises(FrameError, match="empty"):
        transform(ArrayImage(np.empty((0, 5, 3), np.uint8)), out)


def test_an_image_on_the_gpu_is_not_copied_there_again(device: CudaDevice) -> None:
    pixels = on_device(ArrayImage(noise(4, 5)), device)
    assert on_device(DeviceImage(pixels, device), device) is pixels


def test_a_reader_on_the_cpu_gets_a_copy_once(device: CudaDevice) -> None:
    image = DeviceImage(on_device(ArrayImage(noise(4, 5)), device), device)
    assert image.hw == (4, 5)
    np.testing.assert_array_equal(image.bgr(), noise(4, 5))
    assert image.bgr() is image.bgr()
    out = np.empty((4, 5, 3), np.uint8)
    image.copy_into(out)
    np.testing.assert_array_equal(out, noise(4, 5))
