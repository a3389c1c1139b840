"""Proposals that look at nothing: boxes of given sizes everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def sliding_boxes(
    hw: tuple[int, int], windows_hw: Sequence[tuple[int, int]], step: float
) -> npt.NDArray[np.float32]:
    """List the boxes that lie inside an image, size by size, row by row.

    Args:
        hw: the image's height and width, pixels.
        windows_hw: heights and widths of the boxes, pixels.
        step: from box to box, as a share of the box's height and width; at least one pixel.

    Returns:
        (N, 4) xyxy float32, pixels; no box of a size that the image is too small for.
    """
    found = [np.zeros((0, 4))]
    for window in windows_hw:
        y, x = (
            np.arange(0, side - extent + 1, max(1, round(extent * step)))
            for side, extent in zip(hw, window, strict=True)
        )
        corners = np.stack(np.meshgrid(x, y), axis=2).reshape(-1, 2)
        found.append(np.concatenate([corners, corners + np.array(window[::-1])], axis=1))
    return np.concatenate(found).astype(np.float32)
