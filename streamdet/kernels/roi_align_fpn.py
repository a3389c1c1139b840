"""Launches engines/kernels/roi_align_fpn.cu: the node RoiAlignFpn1 .. RoiAlignFpn5."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamdet.kernels.launch import THREADS, DeviceArray, Launch, address, blocks, check_array

MOST_LEVELS: Final = 5
_CHANNELS_OF_A_THREAD: Final = 8
_KERNELS: Final = {
    np.dtype(np.float32): "roi_align_fpn_f32",
    np.dtype(np.float16): "roi_align_fpn_f16",
}


@dataclass(frozen=True, slots=True)
class RoiAlignFpn:
    """The node's attributes.

    Attributes:
        output_side: side of the result.
        sampling_ratio: samples per bin and axis; at most 0: one for each cell that a bin spans.
        finest_level: log2 of the first map's stride.
        scales: cells per pixel of each map, fine to coarse.
    """

    output_side: int
    sampling_ratio: int
    finest_level: float
    scales: tuple[float, ...]

    @classmethod
    def of_strides(
        cls, strides: Sequence[int], output_side: int, sampling_ratio: int = 2
    ) -> RoiAlignFpn:
        """Set the attributes as networks/nodes.py does: strides in pixels per cell of each map."""
        scales = tuple(1 / stride for stride in strides)
        return cls(output_side, sampling_ratio, math.log2(strides[0]), scales)

    def launches(
        self, rois: DeviceArray, maps: Sequence[DeviceArray], pooled: DeviceArray
    ) -> list[Launch]:
        """Say how the regions are pooled; see ops.roi_align.roi_align_fpn.

        Args:
            rois: (R, 5) float32: index of the image in the batch, then xyxy in pixels. One whose
                image is not in the batch is padding: its bins are 0.
            maps: (B, C, H, W) float32 or float16 each, fine to coarse.
            pooled: (R, C, output_side, output_side) of the maps' dtype, written whole.

        Returns:
            None where there is no region or no channel.

        Raises:
            ValueError: an array has another shape or dtype.
        """
        self._check(rois, maps, pooled)
        regions, channels = pooled.shape[:2]
        bins = self.output_side**2
        if not regions or not channels:
            return []
        levels: list[np.generic] = []
        for level in range(MOST_LEVELS):
            hw = maps[level].shape[2:] if level < len(maps) else (0, 0)
            scale = self.scales[level] if level < len(maps) else 0.0
            levels += [np.int32(hw[0]), np.int32(hw[1]), np.float32(scale)]
        grid = (regions, blocks(blocks(channels, _CHANNELS_OF_A_THREAD) * bins), 1)
        pointers = [address(maps[n] if n < len(maps) else None) for n in range(MOST_LEVELS)]
        arguments: tuple[np.generic, ...] = (
            address(rois),
            *pointers,
            np.int32(maps[0].shape[0]),
            np.int32(channels),
            np.int32(self.output_side),
            np.int32(self.sampling_ratio),
            np.float32(self.finest_level),
            np.float32(len(maps) - 1),
            *levels,
            address(pooled),
        )
        return [Launch(_KERNELS[pooled.dtype], grid, (THREADS, 1, 1), arguments)]

    def _check(self, rois: DeviceArray, maps: Sequence[DeviceArray], pooled: DeviceArray) -> None:
        if not 1 <= len(maps) <= MOST_LEVELS or len(maps) != len(self.scales):
            raise ValueError(
                f"want 1 to {MOST_LEVELS} maps, one for each of {len(self.scales)} scales,"
                f" got {len(maps)}"
            )
        dtype = maps[0].dtype
        if dtype not in _KERNELS:
            raise ValueError(f"maps must be float32 or float16, got {dtype}")
        batch, channels = (*maps[0].shape, 0, 0)[:2]
        check_array("rois", rois, np.float32, None, 5)
        for each in maps:
            check_array("a map", each, dtype, batch, channels, None, None)
        side = self.output_side
        check_array("pooled", pooled, dtype, rois.shape[0], channels, side, side)
