"""Launches engines/kernels/draw.cu: what a sink draws -> an NV12 frame in device memory."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from streamdet.kernels.launch import DeviceArray, Launch, address, blocks, check_array
from streamdet.kernels.prepare import Nv12Frame

OPERATION: Final = np.dtype(
    [(name, np.int32) for name in ("x1", "y1", "x2", "y2", "kind", "ink", "mask", "padding")]
)
"""One thing to draw: edges in pixels, x2 and y2 just outside; see DrawOperation in draw.cuh."""

_BLOCK: Final = (32, 8, 1)
_PIXELS_OF_A_THREAD: Final = 2  # along each axis


class Kind(IntEnum):
    """What an operation does."""

    FILL = 0
    FILL_LUMA = 1
    MASK = 2


def launches(frame: Nv12Frame, operations: DeviceArray, masks: DeviceArray) -> list[Launch]:
    """Say how operations are drawn, the later above the earlier; what lies outside is cut.

    Args:
        frame: changed in place.
        operations: (N,) of OPERATION.
        masks: (M,) uint8, coverages of the operations of kind MASK.

    Returns:
        None where there is nothing to draw.

    Raises:
        ValueError: an array has another shape or dtype, or the frame's sides are odd.
    """
    height, width = frame.hw
    if (height | width) & 1:
        raise ValueError(f"a frame of NV12 must have even sides, got {frame.hw}")
    check_array("operations", operations, OPERATION, None)
    check_array("masks", masks, np.uint8, None)
    if not operations.shape[0] or not height or not width:
        return []
    grid = tuple(
        blocks(side, _PIXELS_OF_A_THREAD * threads)
        for side, threads in zip((width, height), _BLOCK, strict=False)
    )
    arguments = (
        np.uint64(frame.luma),
        np.uint64(frame.chroma),
        np.int32(frame.pitch),
        np.int32(height),
        np.int32(width),
        address(operations),
        np.int32(operations.shape[0]),
        address(masks),
    )
    return [Launch("draw_nv12", (grid[0], grid[1], 1), _BLOCK, arguments)]
