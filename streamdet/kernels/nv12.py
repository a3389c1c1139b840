"""Launches engines/kernels/nv12.cu: a BGR frame -> NV12, to be drawn on and encoded."""

from __future__ import annotations

from typing import Final

import numpy as np

from streamdet.kernels.launch import DeviceArray, Launch, blocks, check_array
from streamdet.kernels.prepare import BgrFrame

_BLOCK: Final = (32, 8, 1)
_PIXELS_OF_A_THREAD: Final = 2  # along each axis


def launches(frame: BgrFrame, nv12: DeviceArray) -> list[Launch]:
    """Say how a frame is converted, bit for bit as by cv2.COLOR_BGR2YUV_I420.

    Args:
        frame: in device memory.
        nv12: (H * 3 / 2, W) uint8, H and W even: the rows of y, then those of u and v; written
            whole. Beyond the frame its last row and column are repeated.

    Raises:
        ValueError: the frame is empty or larger, the array has another dtype or odd sides.
    """
    check_array("nv12", nv12, np.uint8, None, None)
    height, width = nv12.shape[0] * 2 // 3, nv12.shape[1]
    if nv12.shape[0] % 3 or (height | width) & 1:
        raise ValueError(f"nv12 must have even sides and half as many rows again, got {nv12.shape}")
    if min(frame.hw) < 1 or frame.hw[0] > height or frame.hw[1] > width:
        raise ValueError(f"a frame of {frame.hw} does not lie in {(height, width)}")
    grid = tuple(
        blocks(side, _PIXELS_OF_A_THREAD * threads)
        for side, threads in zip((width, height), _BLOCK, strict=False)
    )
    arguments: tuple[np.generic, ...] = (
        np.uint64(frame.pixels),
        *(np.int32(value) for value in (frame.pitch, *frame.hw)),
        np.uint64(nv12.pointer),
        np.uint64(nv12.pointer + height * width),
        *(np.int32(value) for value in (width, height, width)),
    )
    return [Launch("bgr_to_nv12", (grid[0], grid[1], 1), _BLOCK, arguments)]
