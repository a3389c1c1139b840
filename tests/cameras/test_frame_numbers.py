"""The number in a frame's pixels is read where it is whole, and only there."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from tests.cameras.frame_numbers import read_number
from tests.cameras.numbered_image import draw

EXTREMES = [(0, 0), (255, 2**32 - 1), (7, 123_456_789)]


def bgr(camera: int, number: int, height: int = 240, width: int = 320) -> npt.NDArray[np.uint8]:
    yuv = np.frombuffer(draw(camera, number, height, width), np.uint8)
    image = cv2.cvtColor(yuv.reshape(height * 3 // 2, width), cv2.COLOR_YUV2BGR_I420)
    return np.asarray(image, np.uint8)


@pytest.mark.parametrize(("camera", "number"), EXTREMES)
@pytest.mark.parametrize(("height", "width"), [(240, 320), (1080, 1920), (360, 648), (60, 80)])
def test_what_is_drawn_is_read(camera: int, number: int, height: int, width: int) -> None:
    assert read_number(bgr(camera, number, height, width)) == (camera, number)


@pytest.mark.parametrize("how", [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA])
@pytest.mark.parametrize("scaled_wh", [(107, 80), (320, 80), (107, 240), (200, 200), (640, 640)])
def test_a_scaled_image_is_read(how: int, scaled_wh: tuple[int, int]) -> None:
    scaled = cv2.resize(bgr(7, 123_456_789), scaled_wh, interpolation=how)

    assert read_number(np.asarray(scaled, np.uint8)) == (7, 123_456_789)


def test_a_strongly_compressed_image_is_read() -> None:
    _, packed = cv2.imencode(".jpg", bgr(7, 123_456_789), [cv2.IMWRITE_JPEG_QUALITY, 10])

    image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)

    assert read_number(image) == (7, 123_456_789)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_image_of_one_level_carries_no_number(level: int) -> None:
    assert read_number(np.full((240, 320, 3), level, np.uint8)) is None


def test_a_block_of_another_image_is_noticed() -> None:
    torn = bgr(7, 1)
    torn[60:120, :160] = bgr(7, 2)[60:120, :160]  # the lower rows of the grid, with the check

    assert read_number(torn) == (7, 2)  # the number's low bits are there, too
    torn[100:120, :160] = bgr(7, 1)[100:120, :160]  # the check alone
    assert read_number(torn) is None


def test_the_picture_beside_the_grid_moves() -> None:
    assert (bgr(7, 1)[:, 160:] != bgr(7, 2)[:, 160:]).mean() > 0.5
