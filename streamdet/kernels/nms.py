"""Launches engines/kernels/nms.cu: the node Nms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from streamdet.kernels.launch import (
    RANKED,
    THREADS,
    DeviceArray,
    Launch,
    address,
    blocks,
    check_array,
)

MOST_BOXES: Final = 65_536
"""Of an image."""
_TILE: Final = 64


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is suppressed.

    Attributes:
        xyxy: (B, N, 4) float32 pixels.
        scores: (B, N) float32.
        class_ids: (B, N) int64.
    """

    xyxy: DeviceArray
    scores: DeviceArray
    class_ids: DeviceArray


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left.

    Attributes:
        indices: (B, K) int64, by falling score, ties by index; 0 from `counts` on.
        counts: (B,) int64.
    """

    indices: DeviceArray
    counts: DeviceArray


@dataclass(frozen=True, slots=True)
class Nms:
    """The node's attributes; `most` is the length of `Kept.indices`, `classes` is not needed.

    Attributes:
        iou_thresh: overlap above which the lower score goes, 0..1.
        score_thresh: a score must be above it.
    """

    iou_thresh: float
    score_thresh: float

    def launches(self, candidates: Candidates, workspace: int, kept: Kept) -> list[Launch]:
        """Say how duplicates are suppressed; see ops.nms.batched_nms, with which all bits agree.

        Args:
            candidates: of a batch of images.
            workspace: address of `workspace_bytes` bytes, a multiple of 8.
            kept: written whole.

        Raises:
            ValueError: an array has another shape or dtype, or there are too many boxes.
        """
        images, boxes = _checked(candidates, kept)
        most = kept.indices.shape[1]
        if not images:
            return []
        drops, order, counts = _workspace(images, boxes, workspace)
        tiles = blocks(boxes, _TILE)
        launches = [
            Launch(
                "nms_order",
                (max(blocks(boxes, RANKED), 1), images, 1),
                (THREADS, 1, 1),
                (
                    address(candidates.scores),
                    np.int32(boxes),
                    np.float32(self.score_thresh),
                    order,
                    counts,
                ),
            ),
            Launch(
                "nms_overlaps",
                (tiles, tiles, images),
                (_TILE, 1, 1),
                (
                    address(candidates.xyxy),
                    address(candidates.class_ids),
                    np.int32(boxes),
                    np.float64(self.iou_thresh),
                    order,
                    counts,
                    drops,
                ),
            ),
            Launch(
                "nms_keep",
                (images, 1, 1),
                (THREADS, 1, 1),
                (
                    np.int32(boxes),
                    np.int32(most),
                    order,
                    counts,
                    drops,
                    address(kept.indices),
                    address(kept.counts),
                ),
            ),
        ]
        return launches if boxes else [launches[0], launches[2]]


def take(candidates: Candidates, kept: Kept, rows: Candidates) -> list[Launch]:
    """Say how the candidates that `Nms` keeps are copied out, best first.

    Args:
        candidates: as `Nms.launches` got them.
        kept: as it wrote them.
        rows: (B, K) candidates, written whole; zeros from `kept.counts` on.

    Returns:
        None where there is no image or nothing may be kept.

    Raises:
        ValueError: an array has another shape or dtype.
    """
    images, boxes = _checked(candidates, kept)
    most = kept.indices.shape[1]
    check_array("rows.xyxy", rows.xyxy, np.float32, images, most, 4)
    check_array("rows.scores", rows.scores, np.float32, images, most)
    check_array("rows.class_ids", rows.class_ids, np.int64, images, most)
    if not images or not most:
        return []
    arguments: tuple[np.generic, ...] = (
        *(address(each) for each in (candidates.xyxy, candidates.scores, candidates.class_ids)),
        *(np.int32(boxes), np.int32(most), address(kept.indices), address(kept.counts)),
        *(address(each) for each in (rows.xyxy, rows.scores, rows.class_ids)),
    )
    return [Launch("nms_take", (blocks(most), images, 1), (THREADS, 1, 1), arguments)]


def workspace_bytes(images: int, boxes: int) -> int:
    """How much device memory `Nms.launches` needs beside its arrays.

    Args:
        images: B.
        boxes: N.
    """
    return images * (boxes * blocks(boxes, _TILE) * 8 + boxes * 4 + 4)


def _workspace(images: int, boxes: int, start: int) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Addresses of the table of bits, of the order, and of the numbers of candidates."""
    order = start + images * boxes * blocks(boxes, _TILE) * 8
    return np.uint64(start), np.uint64(order), np.uint64(order + images * boxes * 4)


def _checked(candidates: Candidates, kept: Kept) -> tuple[int, int]:
    """Check shapes and dtypes: returns the numbers of images and of boxes of each."""
    images, boxes = (*candidates.scores.shape, 0, 0)[:2]
    check_array("xyxy", candidates.xyxy, np.float32, images, boxes, 4)
    check_array("scores", candidates.scores, np.float32, images, boxes)
    check_array("class_ids", candidates.class_ids, np.int64, images, boxes)
    check_array("indices", kept.indices, np.int64, images, None)
    check_array("counts", kept.counts, np.int64, images)
    if boxes > MOST_BOXES:
        raise ValueError(f"at most {MOST_BOXES} boxes an image, got {boxes}")
    return images, boxes
