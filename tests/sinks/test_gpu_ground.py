"""A video's image drawn on a GPU, emulated, is the one drawn on the CPU: sinks/gpu_ground.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.image import ArrayImage, Pixels
from streamdet.sinks.canvas import Canvas
from streamdet.sinks.drawing import Trails
from streamdet.sinks.yuv_image import YuvImage
from streamdet.stages.device_image import DeviceImage, on_device
from streamdet.transport.cuda_device import CudaDevice
from tests.sinks.frames import message

SMOOTH = 6
"""Levels by which soft edges may differ: see tests/kernels/test_draw.py."""


def noise(hw: tuple[int, int]) -> Pixels:
    return np.random.default_rng(1).integers(0, 256, (*hw, 3), np.uint8)


def empty(hw: tuple[int, int]) -> YuvImage:
    height, width = (side + side % 2 for side in hw)
    return YuvImage.of_i420(np.full((height * 3 // 2, width), 7, np.uint8))


def planes(image: YuvImage) -> list[int]:
    return [*image.y.ravel().tolist(), *image.u.ravel().tolist(), *image.v.ravel().tolist()]


class Both:
    """One canvas on the CPU, one on the GPU."""

    def __init__(self, gpu: CudaDevice, hw: tuple[int, int]) -> None:
        self.gpu, self.hw = gpu, hw
        self.canvases = Canvas(hw, Trails()), Canvas(hw, Trails(), gpu)

    def difference(self, found: Detections, pixels: Pixels | None) -> int:
        """Paint a frame on both: by how many levels they differ at most."""
        images = (None, None)
        if pixels is not None:
            there = DeviceImage(on_device(ArrayImage(pixels), self.gpu), self.gpu)
            images = (ArrayImage(pixels), there)  # type: ignore[assignment]
        painted = []
        for canvas, image in zip(self.canvases, images, strict=True):
            painted.append(empty(self.hw))
            canvas.paint(painted[-1], replace(message(), detections=found), image, ("car",))
        here, there_yuv = (np.array(planes(each)) for each in painted)
        assert here.std() > 0
        return int(np.abs(here - there_yuv).max())


def one() -> Detections:
    return Detections(
        np.array([[10, 12, 60, 50]], np.float32),
        np.array([0.9], np.float32),
        np.array([0], np.int64),
        track_ids=np.array([3]),
    )


@pytest.mark.parametrize("hw", [(96, 128), (97, 131)])
def test_an_image_without_objects_is_the_same_to_the_last_bit(
    emulated_gpu: CudaDevice, hw: tuple[int, int]
) -> None:
    assert Both(emulated_gpu, hw).difference(Detections.empty(), noise(hw)) == 0


def test_boxes_and_letters_are_drawn_as_on_the_cpu(emulated_gpu: CudaDevice) -> None:
    assert Both(emulated_gpu, (240, 320)).difference(one(), noise((240, 320))) <= SMOOTH


def test_a_frame_without_image_is_drawn_on_the_last_one(emulated_gpu: CudaDevice) -> None:
    both = Both(emulated_gpu, (240, 320))
    assert both.difference(one(), None) <= SMOOTH  # on black
    both.difference(one(), noise((240, 320)))
    assert both.difference(Detections.empty(), None) <= SMOOTH


def test_an_image_of_another_size_is_fitted_in(emulated_gpu: CudaDevice) -> None:
    both = Both(emulated_gpu, (96, 128))
    assert both.difference(Detections.empty(), noise((50, 40))) <= 1
