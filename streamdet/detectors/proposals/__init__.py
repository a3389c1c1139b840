"""Where R-CNN, SPP-net and Fast R-CNN look: regions of an image that may hold an object."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from streamdet.image import Pixels

Boxes = npt.NDArray[np.float32]
"""(N, 4) xyxy, pixels of the prepared image."""


class Proposer(Protocol):
    """Proposes regions.

    Attributes:
        name: what really proposes, for the report.
    """

    name: str

    def __call__(self, image: Pixels, most: int, index: int) -> Boxes:
        """Propose regions of one prepared image.

        Args:
            image: (H, W, 3) uint8 BGR.
            most: largest number of regions.
            index: the frame's place in its source, from 0.

        Returns:
            At most so many boxes, the likeliest first where the method knows, each finite, inside
            the image and with an area.
        """
        ...


def inside(xyxy: Boxes, hw: tuple[int, int], most: int) -> Boxes:
    """Clip boxes to an image and keep the first `most` that are finite and have an area."""
    finite = xyxy[np.isfinite(xyxy).all(axis=1)].astype(np.float32, copy=False)
    clipped = np.clip(finite, 0, np.array([hw[1], hw[0], hw[1], hw[0]], dtype=np.float32))
    has_area = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    return np.asarray(clipped[has_area][:most])
