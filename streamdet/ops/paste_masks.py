"""Brings masks from their boxes into the frame.

Mask R-CNN (He et al. 2017, section 3.1, "Inference": "resized to the RoI size, and binarized at a
threshold of 0.5"), with the edges as torchvision's `paste_masks_in_image` treats them: the mask
gets a rim of zeros, the box grows with it and is cut to whole pixels, both ends included (so a full
mask reaches one pixel beyond the box's exclusive edges).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.ops.run_length import encode_region

Floats = npt.NDArray[np.float32]

THRESHOLD: Final = 0.5
_MOST_PIXELS: Final = 2**30  # a box beyond any frame; keeps the edges within int64


def paste_masks(mask_probs: Floats, xyxy: Floats, hw: tuple[int, int]) -> tuple[bytes, ...]:
    """Say which pixels of the frame belong to each object.

    Args:
        mask_probs: (N, M, M) float32, 0..1, over each box.
        xyxy: (N, 4) float32, the boxes, pixels of the frame; not clipped to it, since the mask
            covers the whole box.
        hw: height and width of the frame, pixels.

    Returns:
        N masks of the frame, as COCO's compressed run lengths.
    """
    if not len(xyxy):
        return ()
    rimmed = np.pad(mask_probs, ((0, 0), (1, 1), (1, 1)))
    boxes = _grown(xyxy, rimmed.shape[-1] / mask_probs.shape[-1])
    return tuple(_paste(mask, box, hw) for mask, box in zip(rimmed, boxes.tolist(), strict=True))


def _grown(xyxy: Floats, scale: float) -> npt.NDArray[np.int64]:
    """Scale boxes about their centres and cut the edges to integers, as torchvision does."""
    half_wh = (xyxy[:, 2:] - xyxy[:, :2]) * np.float32(0.5) * np.float32(scale)
    centre = (xyxy[:, 2:] + xyxy[:, :2]) * np.float32(0.5)
    edges = np.hstack([centre - half_wh, centre + half_wh])
    return edges.clip(-_MOST_PIXELS, _MOST_PIXELS).astype(np.int64)


def _paste(mask: Floats, box: list[int], hw: tuple[int, int]) -> bytes:
    x1, y1, x2, y2 = box
    left, right = max(x1, 0), min(x2 + 1, hw[1])
    top, bottom = max(y1, 0), min(y2 + 1, hw[0])
    if left >= right or top >= bottom:
        return encode_region(np.zeros((0, 0), np.bool_), (0, 0), hw)
    side = len(mask)
    columns = _weights(side, x2 - x1 + 1, range(left - x1, right - x1))
    rows = _weights(side, y2 - y1 + 1, range(top - y1, bottom - y1))
    return encode_region(columns @ mask.T @ rows.T > THRESHOLD, (left, top), hw)


def _weights(side: int, size: int, wanted: range) -> Floats:
    """Say how much each of `side` cells counts for the wanted ones of `size` pixels over them.

    Bilinear between the cells' centres, constant beyond the outermost (`align_corners=False`). A
    product with this matrix is five times as fast as fetching and blending two cells a pixel
    (0.3 ms to 1.6 ms for 640x480, one core).

    Returns:
        (len(wanted), side).
    """
    pixels = np.arange(wanted.start, wanted.stop)
    at = np.clip((pixels + 0.5) * (side / size) - 0.5, 0, side - 1)
    apart = np.abs(at[:, None] - np.arange(side))
    return np.asarray(np.maximum(0.0, 1.0 - apart), np.float32)
