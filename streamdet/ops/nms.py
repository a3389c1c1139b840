"""Greedy non-maximum suppression. N counts boxes, K the kept ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamdet.ops.iou import pairwise_iou


def batched_nms(
    xyxy: npt.NDArray[np.floating],
    scores: npt.NDArray[np.floating],
    class_ids: npt.NDArray[np.integer],
    iou_thresh: float,
) -> npt.NDArray[np.int64]:
    """Keep the boxes that overlap no better box of their class by more than a threshold.

    Boxes are visited by falling score, of equal scores the lower index first; a visited box that
    is still there drops all later ones of its class whose IoU with it is > `iou_thresh`. Classes
    are compared, not shifted apart by an offset, which would cost float precision. Memory grows
    with N squared (8 MB at 1,000 boxes): cut the candidates before.

    Args:
        xyxy: (N, 4) pixels.
        scores: (N,).
        class_ids: (N,).
        iou_thresh: 0..1.

    Returns:
        (K,) int64 indices of the kept boxes, by falling score, ties by index.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, classes = xyxy[order], class_ids[order]
    drops = pairwise_iou(boxes, boxes) > iou_thresh
    drops &= classes[:, None] == classes[None, :]
    drops = np.triu(drops, k=1)  # a box drops only what comes after it
    kept = np.ones(len(order), dtype=bool)
    for row in np.flatnonzero(drops.any(axis=1)):
        if kept[row]:
            kept &= ~drops[row]
    return order[kept].astype(np.int64)
