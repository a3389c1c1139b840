"""A network reads the same image whether OpenCV and FFmpeg prepare it or the kernel does."""

from __future__ import annotations

import platform

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given, settings
from hypothesis import strategies as st

from streamdet.image import ArrayImage
from streamdet.kernels.launch import DeviceArray
from streamdet.kernels.prepare import BgrFrame, Nv12Frame, Prepare, YuvMatrix
from streamdet.sources.decoded_image import DecodedImage, FrameConverter
from streamdet.transforms.letterbox import Letterbox, LetterboxOptions
from streamdet.transforms.stretch import Stretch, StretchOptions
from tests.kernels.conftest import Device
from tests.kernels.on_device import OnDevice
from tests.kernels.operations import Array

BT601, BT709 = YuvMatrix.of(0.299, 0.114), YuvMatrix.of(0.2126, 0.0722)
IMAGENET_MEAN, IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
side = st.integers(1, 150)


def noise(hw: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, hw, dtype=np.uint8)


def prepared(
    on: OnDevice, frame: BgrFrame | Nv12Frame, op: Prepare, hw: tuple[int, int], dtype: type
) -> Array:
    out = on.empty((3, *hw), dtype)
    on.run(op.launches(frame, out))
    return on.get(out)


def bgr_frame(on: OnDevice, pixels: Array, gap: int = 0) -> BgrFrame:
    """Rows of BGR, `gap` bytes apart."""
    rows = pixels.reshape(len(pixels), -1)
    array = on.put(np.pad(rows, ((0, 0), (0, gap))))
    return BgrFrame(array.pointer, rows.shape[1] + gap, pixels.shape[:2])


def nv12_frame(
    on: OnDevice, luma: Array, u: Array, v: Array, matrix: YuvMatrix, pitch: int
) -> Nv12Frame:
    """Planes with rows `pitch` bytes apart."""
    pairs = np.stack([u, v], axis=2).reshape(len(u), -1)
    planes = [on.put(np.pad(p, ((0, 0), (0, pitch - p.shape[1])))) for p in (luma, pairs)]
    return Nv12Frame(planes[0].pointer, planes[1].pointer, pitch, luma.shape, matrix)


def network_input(bgr: Array, op: Prepare) -> Array:
    """What models' `input` says: ((image in the network's order) - mean) / std, (3, H, W)."""
    ordered = bgr[:, :, ::-1] if op.is_rgb else bgr
    normal = (ordered.astype(np.float32) - np.array(op.mean, np.float32)) / np.array(
        op.std, np.float32
    )
    return np.asarray(normal.transpose(2, 0, 1))


@settings(max_examples=30, deadline=None)
@given(side, side, side, side, st.booleans())
def test_a_stretched_image_is_opencv_s_bit_for_bit(
    device: Device, height: int, width: int, out_height: int, out_width: int, is_rgb: bool
) -> None:
    on, out_hw, pixels = device("prepare"), (out_height, out_width), noise((height, width, 3))
    op = Prepare(out_hw, is_rgb=is_rgb, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    found = prepared(on, bgr_frame(on, pixels, gap=5), op, out_hw, np.float32)
    wanted = np.empty((*out_hw, 3), np.uint8)
    Stretch(StretchOptions(hw=out_hw))(ArrayImage(pixels), wanted)
    np.testing.assert_array_equal(found, network_input(wanted, op))


@pytest.mark.parametrize("hw", [(90, 160), (160, 90), (30, 40), (700, 20), (64, 96)])
@pytest.mark.parametrize("anchor", ["top_left", "centre"])
def test_a_letterboxed_image_is_the_transform_s_bit_for_bit(
    device: Device, hw: tuple[int, int], anchor: str
) -> None:
    on, pixels, out = device("prepare"), noise((*hw, 3)), np.empty((64, 96, 3), np.uint8)
    options = LetterboxOptions.model_validate({"hw": (64, 96), "anchor": anchor, "pad": (1, 2, 3)})
    geometry = Letterbox(options)(ArrayImage(pixels), out)
    left, top = map(int, geometry.offset_xy)
    resized = round(geometry.scale_xy[1] * hw[0]), round(geometry.scale_xy[0] * hw[1])
    op = Prepare(resized, (top, left), padding=(1, 2, 3))
    found = prepared(on, bgr_frame(on, pixels), op, (64, 96), np.float32)
    np.testing.assert_array_equal(found, network_input(out, op))


def test_float16_is_rounded_once(device: Device) -> None:
    on, pixels = device("prepare"), noise((20, 30, 3))
    op = Prepare((20, 30), is_rgb=True, mean=IMAGENET_MEAN, std=IMAGENET_STD)
    found = prepared(on, bgr_frame(on, pixels), op, (20, 30), np.float16)
    np.testing.assert_array_equal(found, network_input(pixels, op).astype(np.float16))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="FFmpeg's x86 code is the reference")
@pytest.mark.parametrize(("matrix", "space"), [(BT601, "ITU601"), (BT709, "ITU709")])
@pytest.mark.parametrize("is_full", [False, True])
def test_nv12_is_ffmpeg_s_bgr_bit_for_bit(
    device: Device, matrix: YuvMatrix, space: str, is_full: bool
) -> None:
    if is_full:
        shares = (0.299, 0.114) if space == "ITU601" else (0.2126, 0.0722)
        matrix = YuvMatrix.of(*shares, is_full=True)
    luma, u, v = noise((40, 70)), noise((20, 35), 1), noise((20, 35), 2)
    frame = VideoFrame.from_ndarray(
        np.concatenate([luma.ravel(), u.ravel(), v.ravel()]).reshape(60, 70), format="yuv420p"
    )
    span = "JPEG" if is_full else "MPEG"
    bgr = frame.reformat(
        format="bgr24", src_colorspace=space, src_color_range=span, dst_color_range="JPEG",
        interpolation="BILINEAR",
    ).to_ndarray()  # fmt: skip
    on, op = device("prepare"), Prepare((40, 70))
    found = prepared(on, nv12_frame(on, luma, u, v, matrix, 96), op, (40, 70), np.float32)
    np.testing.assert_array_equal(found, network_input(bgr, op))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="FFmpeg's x86 code is the reference")
def test_a_decoded_frame_is_prepared_as_the_pipeline_does(device: Device) -> None:
    luma, u, v = noise((90, 160)), noise((45, 80), 1), noise((45, 80), 2)
    planes = np.concatenate([luma.ravel(), u.ravel(), v.ravel()]).reshape(135, 160)
    frame = VideoFrame.from_ndarray(planes, format="yuv420p")
    wanted = np.empty((64, 64, 3), np.uint8)
    options = LetterboxOptions(hw=(64, 64))
    Letterbox(options)(DecodedImage(frame, FrameConverter()), wanted)
    on, op = device("prepare"), Prepare((36, 64))
    found = prepared(on, nv12_frame(on, luma, u, v, BT601, 160), op, (64, 64), np.float32)
    np.testing.assert_array_equal(found, network_input(wanted, op))


def test_a_pixel_between_four_is_their_mean(device: Device) -> None:
    pixels = np.array([[10, 20], [30, 44]], np.uint8)[..., None].repeat(3, axis=2)
    on = device("prepare")
    found = prepared(on, bgr_frame(on, pixels), Prepare((1, 1)), (1, 1), np.float32)
    assert found.flatten().tolist() == [26, 26, 26]
    assert cv2.resize(pixels, (1, 1)).flatten().tolist() == [26, 26, 26]


@pytest.mark.parametrize(
    ("frame", "op", "message"),
    [
        (BgrFrame(1, 9, (0, 3)), Prepare((4, 4)), r"must have pixels.*\(0, 3\)"),
        (Nv12Frame(1, 1, 3, (2, 3), BT601), Prepare((4, 4)), r"even sides, got \(2, 3\)"),
        (BgrFrame(1, 9, (3, 3)), Prepare((4, 4), (1, 0)), r"\(4, 4\) at \(1, 0\) does not lie"),
    ],
)
def test_misuse_is_refused(frame: BgrFrame | Nv12Frame, op: Prepare, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        op.launches(frame, DeviceArray(1, (3, 4, 4), np.dtype(np.float32)))
