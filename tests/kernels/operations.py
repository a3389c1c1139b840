"""Each operation on arrays of the host: what a kernel gives, and what the reference does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from streamdet.kernels.nms import Candidates, Kept, Nms, take, workspace_bytes
from streamdet.kernels.roi_align_fpn import RoiAlignFpn
from streamdet.kernels.roi_pool import RoiPool
from streamdet.networks import nodes
from streamdet.ops.roi_align import roi_align_fpn
from streamdet.ops.roi_pool import roi_pool
from tests.kernels.on_device import OnDevice

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Boxes:
    """Candidates of a batch: xyxy (B, N, 4) float32, scores (B, N) float32, class_ids int64."""

    xyxy: Array
    scores: Array
    class_ids: Array

    @classmethod
    def of_one_image(
        cls, xyxy: Sequence[Sequence[float]], scores: Sequence[float], ids: Sequence[int] = ()
    ) -> Boxes:
        """A batch of one image; without ids, all of one class."""
        return cls(
            np.array(xyxy, np.float32).reshape(1, -1, 4),
            np.array(scores, np.float32).reshape(1, -1),
            np.array(ids or [0] * len(scores), np.int64).reshape(1, -1),
        )


def nms_by_kernel(on: OnDevice, boxes: Boxes, op: Nms, most: int) -> tuple[Array, Array]:
    """Indices (B, most) and counts (B,)."""
    images, count = boxes.scores.shape
    candidates = Candidates(on.put(boxes.xyxy), on.put(boxes.scores), on.put(boxes.class_ids))
    kept = Kept(on.empty((images, most), np.int64), on.empty((images,), np.int64))
    workspace = on.reserve(workspace_bytes(images, count))
    on.run(op.launches(candidates, workspace, kept))
    return on.get(kept.indices), on.get(kept.counts)


def taken_by_kernel(on: OnDevice, boxes: Boxes, indices: Array, counts: Array) -> Boxes:
    """The rows that `indices` (B, K) name, `counts` (B,) of them."""
    images, most = indices.shape
    candidates = Candidates(on.put(boxes.xyxy), on.put(boxes.scores), on.put(boxes.class_ids))
    rows = Candidates(
        on.empty((images, most, 4), np.float32),
        on.empty((images, most), np.float32),
        on.empty((images, most), np.int64),
    )
    on.run(take(candidates, Kept(on.put(indices), on.put(counts)), rows))
    return Boxes(on.get(rows.xyxy), on.get(rows.scores), on.get(rows.class_ids))


def taken_by_reference(boxes: Boxes, indices: Array, counts: Array) -> Boxes:
    """The same in numpy; zeros from `counts` on."""
    rows = np.arange(len(indices))[:, None]
    is_kept = np.arange(indices.shape[1]) < counts[:, None]
    return Boxes(
        np.where(is_kept[..., None], boxes.xyxy[rows, indices], np.float32(0)),
        np.where(is_kept, boxes.scores[rows, indices], np.float32(0)),
        np.where(is_kept, boxes.class_ids[rows, indices], 0),
    )


def nms_by_reference(boxes: Boxes, op: Nms, most: int) -> tuple[Array, Array]:
    """The same by the node's own reference."""
    kept = nodes.nms(
        torch.from_numpy(boxes.xyxy),
        torch.from_numpy(boxes.scores),
        torch.from_numpy(boxes.class_ids),
        classes=3,
        iou_thresh=op.iou_thresh,
        score_thresh=op.score_thresh,
        most=most,
    )
    return kept.indices.numpy(), kept.counts.numpy()


def roi_align_by_kernel(on: OnDevice, rois: Array, maps: Sequence[Array], op: RoiAlignFpn) -> Array:
    """(R, C, side, side) of the maps' dtype."""
    shape = (len(rois), maps[0].shape[1], op.output_side, op.output_side)
    pooled = on.empty(shape, maps[0].dtype)
    on.run(op.launches(on.put(rois), [on.put(each) for each in maps], pooled))
    return on.get(pooled)


def roi_align_by_reference(
    rois: Array, maps: Sequence[Array], strides: Sequence[int], op: RoiAlignFpn
) -> Array:
    """The same in float32; a region whose image is not there is 0."""
    is_there = (rois[:, 0] >= 0) & (rois[:, 0] < len(maps[0]))
    pooled = np.zeros(
        (len(rois), maps[0].shape[1], op.output_side, op.output_side), dtype=np.float32
    )
    pooled[is_there] = roi_align_fpn(
        [torch.from_numpy(each).float() for each in maps],
        torch.from_numpy(rois[is_there]),
        strides=strides,
        output_side=op.output_side,
        sampling_ratio=op.sampling_ratio,
    ).numpy()
    return pooled


def roi_pool_by_kernel(on: OnDevice, rois: Array, features: Array, op: RoiPool) -> Array:
    """(R, C, *output_hw) of the features' dtype."""
    pooled = on.empty((len(rois), features.shape[1], *op.output_hw), features.dtype)
    on.run(op.launches(on.put(rois), on.put(features), pooled))
    return on.get(pooled)


def roi_pool_by_reference(rois: Array, features: Array, op: RoiPool) -> Array:
    """The same; a region whose image is not there is 0."""
    is_there = (rois[:, 0] >= 0) & (rois[:, 0] < len(features))
    pooled = np.zeros((len(rois), features.shape[1], *op.output_hw), features.dtype)
    pooled[is_there] = (
        roi_pool(
            torch.from_numpy(features).float(),
            torch.from_numpy(rois[is_there]),
            op.output_hw,
            spatial_scale=op.scale,
        )
        .numpy()
        .astype(features.dtype)
    )
    return pooled
