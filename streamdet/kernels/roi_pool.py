"""Launches engines/kernels/roi_pool.cu: the node RoiPool."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamdet.kernels.launch import THREADS, DeviceArray, Launch, address, blocks, check_array

_KERNELS: Final = {np.dtype(np.float32): "roi_pool_f32", np.dtype(np.float16): "roi_pool_f16"}


@dataclass(frozen=True, slots=True)
class RoiPool:
    """The node's attributes.

    Attributes:
        output_hw: bins of a region by row and column.
        scale: cells per pixel.
    """

    output_hw: tuple[int, int]
    scale: float

    def launches(
        self, rois: DeviceArray, features: DeviceArray, pooled: DeviceArray
    ) -> list[Launch]:
        """Say how the regions are pooled; see ops.roi_pool.roi_pool.

        Args:
            rois: (R, 5) float32: index of the image in the batch, then xyxy in pixels. One whose
                image is not in the batch is padding: its bins are 0.
            features: (B, C, H, W) float32 or float16.
            pooled: (R, C, *output_hw) of the features' dtype, written whole.

        Returns:
            None where there is no region or no channel.

        Raises:
            ValueError: an array has another shape or dtype.
        """
        if features.dtype not in _KERNELS:
            raise ValueError(f"features must be float32 or float16, got {features.dtype}")
        check_array("rois", rois, np.float32, None, 5)
        check_array("features", features, features.dtype, None, None, None, None)
        images, channels, height, width = features.shape
        regions = rois.shape[0]
        check_array("pooled", pooled, features.dtype, regions, channels, *self.output_hw)
        if not regions or not channels:
            return []
        grid = (regions, blocks(channels * math.prod(self.output_hw)), 1)
        numbers = (images, channels, height, width, *self.output_hw)
        arguments: tuple[np.generic, ...] = (
            address(rois),
            address(features),
            *(np.int32(number) for number in numbers),
            np.float32(self.scale),
            address(pooled),
        )
        return [Launch(_KERNELS[features.dtype], grid, (THREADS, 1, 1), arguments)]
