"""Launches engines/kernels/prepare.cu: a decoded frame -> a network's normalised input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamdet.kernels.launch import DeviceArray, Launch, blocks, check_array

_BLOCK: Final = (32, 8, 1)
_SUFFIXES: Final = {np.dtype(np.float32): "f32", np.dtype(np.float16): "f16"}
_FACTOR: Final = 8192  # of swscale's coefficients


@dataclass(frozen=True, slots=True)
class YuvMatrix:
    """How YUV becomes BGR: factors times 8192, as swscale's x86 code rounds them.

    Attributes:
        factors: luma, offset of luma times 8, blue from u, green from u, green from v, red from v.
    """

    factors: tuple[int, int, int, int, int, int]

    @classmethod
    def of(cls, red: float, blue: float, *, is_full: bool = False) -> YuvMatrix:
        """Derive the factors from a standard's shares of luma.

        Args:
            red: share of red: .299 in ITU-R BT.601, .2126 in BT.709.
            blue: share of blue: .114, .0722.
            is_full: whether y spans 0..255 ("JPEG"), not 16..235.
        """
        green = 1 - red - blue
        spans = [
            2 * (1 - blue),
            -2 * (1 - blue) * blue / green,
            -2 * (1 - red) * red / green,
            2 * (1 - red),
        ]
        # In steps as swscale rounds: 16 bits after the point, then 13.
        chroma = [round(span * 255 / 224 * 65536) for span in spans]
        if is_full:
            chroma = [each * 224 // 255 for each in chroma]
        luma = 65536 if is_full else 65536 * 255 // 219
        blue_u, green_u, green_v, red_v = (_thirteen_bits(each) for each in chroma)
        return cls((_thirteen_bits(luma), 0 if is_full else 128, blue_u, green_u, green_v, red_v))


@dataclass(frozen=True, slots=True)
class Nv12Frame:
    """A frame as NVDEC gives it.

    Attributes:
        luma: address of the rows of y.
        chroma: address of the rows of u and v.
        pitch: bytes from row to row, of both.
        hw: height and width, pixels, even.
        matrix: its colours.
    """

    luma: int
    chroma: int
    pitch: int
    hw: tuple[int, int]
    matrix: YuvMatrix


@dataclass(frozen=True, slots=True)
class BgrFrame:
    """A frame of blue, green, red bytes.

    Attributes:
        pixels: address of its rows.
        pitch: bytes from row to row.
        hw: height and width, pixels.
    """

    pixels: int
    pitch: int
    hw: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Prepare:
    """How a network wants its image; transforms and models say it in these terms.

    Attributes:
        hw: of the resized image in the network's input, pixels; all of it for a stretched one.
        offset: top and left of it.
        is_rgb: whether the network's first channel is red.
        mean: per channel, in the network's order, 0..255 units.
        std: per channel.
        padding: blue, green, red around the image, 0..255.
    """

    hw: tuple[int, int]
    offset: tuple[int, int] = (0, 0)
    is_rgb: bool = False
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    padding: tuple[int, int, int] = (114, 114, 114)

    def launches(self, frame: Nv12Frame | BgrFrame, prepared: DeviceArray) -> list[Launch]:
        """Say how a frame is prepared.

        Args:
            frame: in device memory.
            prepared: (3, H, W) float32 or float16, written whole; a part of a batch may be it.

        Raises:
            ValueError: `prepared` has another shape or dtype; the frame is empty, or an NV12 frame
                has odd sides; the resized image does not lie inside the input.
        """
        if prepared.dtype not in _SUFFIXES:
            raise ValueError(f"prepared must be float32 or float16, got {prepared.dtype}")
        check_array("prepared", prepared, prepared.dtype, 3, None, None)
        self._check(frame, prepared.shape[1:])
        is_nv12 = isinstance(frame, Nv12Frame)
        kernel = f"prepare_{'nv12' if is_nv12 else 'bgr'}_{_SUFFIXES[prepared.dtype]}"
        grid = (blocks(prepared.shape[2], _BLOCK[0]), blocks(prepared.shape[1], _BLOCK[1]), 1)
        arguments = (*_frame_arguments(frame), *self._arguments(frame.hw, prepared))
        return [Launch(kernel, grid, _BLOCK, arguments)]

    def _check(self, frame: Nv12Frame | BgrFrame, out_hw: tuple[int, ...]) -> None:
        if min(frame.hw) < 1 or (isinstance(frame, Nv12Frame) and (frame.hw[0] | frame.hw[1]) & 1):
            raise ValueError(f"a frame must have pixels, one of NV12 even sides, got {frame.hw}")
        _check_place(self.hw, self.offset, out_hw)

    def _arguments(
        self, frame_hw: tuple[int, int], prepared: DeviceArray
    ) -> tuple[np.generic, ...]:
        return (
            *_placed(frame_hw, prepared.shape[1:], self.offset, self.hw),
            np.int32(self.is_rgb),
            *(np.float32(value) for value in (*self.mean, *self.std)),
            *(np.int32(value) for value in self.padding),
            np.uint64(prepared.pointer),
        )


@dataclass(frozen=True, slots=True)
class Resize:
    """How a frame becomes the image of a transform: bytes, for a detector on the CPU.

    Attributes:
        hw: of the resized image, pixels.
        offset: top and left of it.
        padding: blue, green, red around the image, 0..255.
    """

    hw: tuple[int, int]
    offset: tuple[int, int] = (0, 0)
    padding: tuple[int, int, int] = (114, 114, 114)

    def launches(self, frame: BgrFrame, resized: int, out_hw: tuple[int, int]) -> list[Launch]:
        """Say how a frame is resized.

        Args:
            frame: in device memory.
            resized: address of (*out_hw, 3) bytes, written whole.
            out_hw: height and width of the result.

        Raises:
            ValueError: the frame is empty, or the resized image does not lie inside the result.
        """
        if min(frame.hw) < 1:
            raise ValueError(f"a frame must have pixels, got {frame.hw}")
        _check_place(self.hw, self.offset, out_hw)
        grid = (blocks(out_hw[1], _BLOCK[0]), blocks(out_hw[0], _BLOCK[1]), 1)
        arguments = (
            *_frame_arguments(frame),
            *_placed(frame.hw, out_hw, self.offset, self.hw),
            *(np.int32(value) for value in self.padding),
            np.uint64(resized),
        )
        return [Launch("resize_bgr", grid, _BLOCK, arguments)]


def _check_place(hw: tuple[int, int], offset: tuple[int, int], out_hw: tuple[int, ...]) -> None:
    for start, length, out in zip(offset, hw, out_hw, strict=True):
        if length < 1 or start < 0 or start + length > out:
            raise ValueError(f"an image of {hw} at {offset} does not lie in {tuple(out_hw)}")


def _placed(
    frame_hw: tuple[int, int], out_hw: tuple[int, ...], offset: tuple[int, int], hw: tuple[int, int]
) -> tuple[np.generic, ...]:
    """The arguments height .. scale_x of the kernels."""
    # In two divisions, as OpenCV: one gives another last bit.
    scales = [1 / (new / old) for new, old in zip(hw, frame_hw, strict=True)]
    places = (*frame_hw, *out_hw, *offset, *hw)
    return (*(np.int32(place) for place in places), *(np.float64(scale) for scale in scales))


def _frame_arguments(frame: Nv12Frame | BgrFrame) -> tuple[np.generic, ...]:
    if isinstance(frame, BgrFrame):
        return np.uint64(frame.pixels), np.int32(frame.pitch)
    factors = tuple(np.int32(factor) for factor in frame.matrix.factors)
    return np.uint64(frame.luma), np.uint64(frame.chroma), np.int32(frame.pitch), *factors


def _thirteen_bits(value: int) -> int:
    return (value * _FACTOR + (1 << 15)) >> 16
