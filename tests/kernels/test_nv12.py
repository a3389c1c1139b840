"""A GPU converts BGR for encoders as OpenCV does, bit for bit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from streamdet.image import Pixels
from streamdet.kernels import nv12
from streamdet.kernels.prepare import BgrFrame
from tests.kernels.conftest import Device
from tests.kernels.on_device import OnDevice
from tests.kernels.operations import Array


def by_kernel(on: OnDevice, pixels: Pixels) -> Array:
    """(H * 3 / 2, W) of an image whose sides are made even."""
    height, width = (side + side % 2 for side in pixels.shape[:2])
    found = on.empty((height * 3 // 2, width), np.uint8)
    frame = BgrFrame(on.put(pixels).pointer, pixels.shape[1] * 3, pixels.shape[:2])
    on.run(nv12.launches(frame, found))
    return on.get(found)


def by_opencv(pixels: Pixels) -> Array:
    """The same by OpenCV, its last row and column repeated."""
    height, width = pixels.shape[:2]
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    i420 = cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420)
    height, width = even.shape[:2]
    u, v = i420[height:].reshape(2, height // 2, width // 2)
    return np.concatenate([i420[:height], np.dstack([u, v]).reshape(height // 2, width)])


@pytest.mark.parametrize("hw", [(2, 2), (17, 66), (90, 131), (1, 1)])
def test_every_byte_is_that_of_opencv(device: Device, hw: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*hw, 3), np.uint8)
    np.testing.assert_array_equal(by_kernel(device("nv12"), pixels), by_opencv(pixels))


def test_black_white_and_blue_have_the_numbers_of_bt_601(device: Device) -> None:
    pixels = np.zeros((2, 6, 3), np.uint8)
    pixels[:, 2:4], pixels[:, 4:] = 255, (255, 0, 0)
    assert by_kernel(device("nv12"), pixels).tolist() == [
        [16, 16, 235, 235, 41, 41],
        [16, 16, 235, 235, 41, 41],
        [128, 128, 128, 128, 240, 110],
    ]


@pytest.mark.parametrize(
    ("hw", "shape"), [((4, 4), (3, 4)), ((2, 2), (3, 3)), ((2, 2), (4, 2)), ((0, 2), (3, 2))]
)
def test_what_does_not_fit_is_refused(
    device: Device, hw: tuple[int, int], shape: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match=r"nv12 must have|does not lie in"):
        nv12.launches(BgrFrame(512, hw[1] * 3, hw), device("nv12").empty(shape, np.uint8))
