"""Operations that an exported network keeps as one node each, of the domain `streamdet`.

Run in torch, a function here calls the reference in ops/. While torch exports, it leaves a node
instead, whose body in standard ONNX operators stands in building/functions.py; TensorRT puts a
plugin in the node's place. Axes: B images, N candidates, K the most that are kept, R RoIs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor

from streamdet.networks import NODE_DOMAIN
from streamdet.ops.nms import batched_nms
from streamdet.ops.roi_align import roi_align_fpn
from streamdet.ops.roi_pool import roi_pool

Attribute = (
    int | float | str | bool | Sequence[int] | Sequence[float] | Sequence[str] | Sequence[bool]
)

VERSION: Final = 1
"""Of the domain `streamdet`; rises when a node changes its meaning."""


_TAKEN_BY_PLUGIN: Final = {"plugin_namespace": NODE_DOMAIN}
"""Without it TensorRT's parser takes a node's body where it has a plugin of the node's name."""


class Kept(NamedTuple):
    """What is left after suppression.

    Attributes:
        indices: (B, K) int64, by falling score, ties by index; those from `counts` on mean nothing.
        counts: (B,) int64, how many are left.
    """

    indices: Tensor
    counts: Tensor


def nms(  # noqa: PLR0913
    xyxy: Tensor,
    scores: Tensor,
    class_ids: Tensor,
    *,
    classes: int,
    iou_thresh: float,
    score_thresh: float,
    most: int,
) -> Kept:
    """Suppress duplicates within each class of each image: ops.nms with a fixed number of rows.

    Args:
        xyxy: (B, N, 4) pixels.
        scores: (B, N), at least 0; a candidate that must not be kept has -1.
        class_ids: (B, N) int64, below `classes`.
        classes: number of classes.
        iou_thresh: overlap above which the lower score goes.
        score_thresh: a score must be above it.
        most: K, at most N.
    """
    batch = xyxy.shape[0]
    if torch.onnx.is_in_onnx_export():
        outputs = torch.onnx.ops.symbolic_multi_out(
            f"{NODE_DOMAIN}::Nms",
            (xyxy, scores, class_ids),
            {
                "classes": classes,
                "iou_thresh": iou_thresh,
                "score_thresh": score_thresh,
                "most": most,
                **_TAKEN_BY_PLUGIN,
            },
            dtypes=(torch.int64, torch.int64),
            shapes=((batch, most), (batch,)),
            version=VERSION,
        )
        return Kept(*outputs)
    indices = torch.zeros((batch, most), dtype=torch.int64)
    counts = torch.zeros(batch, dtype=torch.int64)
    for row in range(batch):
        high = torch.nonzero(scores[row] > score_thresh)[:, 0]
        boxes, values, ids = (
            column[row, high].detach().cpu().numpy() for column in (xyxy, scores, class_ids)
        )
        kept = high.cpu()[torch.from_numpy(batched_nms(boxes, values, ids, iou_thresh))][:most]
        indices[row, : len(kept)] = kept
        counts[row] = len(kept)
    return Kept(indices.to(xyxy.device), counts.to(xyxy.device))


def top_k(values: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Find the highest values of each image, by falling value, ties by index.

    Ties are common: regions smaller than a cell have equal features. ONNX's TopK has an order for
    them, torch.topk has none.

    Args:
        values: (B, N).
        most: how many; all of them where there are fewer.

    Returns:
        Values and int64 indices, (B, min(most, N)) each.
    """
    most = min(most, values.shape[1])
    if torch.onnx.is_in_onnx_export():
        return torch.topk(values, most, dim=1)
    ordered, indices = values.sort(dim=1, descending=True, stable=True)
    return ordered[:, :most], indices[:, :most]


def multi_level_roi_align(
    rois: Tensor,
    maps: Sequence[Tensor],
    *,
    strides: Sequence[int],
    output_side: int,
    sampling_ratio: int = 2,
) -> Tensor:
    """RoI Align over a pyramid: see ops.roi_align.roi_align_fpn.

    Args:
        rois: (R, 5) image's number in the batch, then xyxy in pixels.
        maps: (B, C, Hi, Wi) each, fine to coarse.
        strides: pixels per cell of each map.
        output_side: side of the result.
        sampling_ratio: samples per bin and axis.

    Returns:
        (R, C, output_side, output_side).
    """
    if torch.onnx.is_in_onnx_export():
        attributes: dict[str, Attribute] = {
            "output_side": output_side,
            "sampling_ratio": sampling_ratio,
            "finest_level": math.log2(strides[0]),
            "levels_above": float(len(maps) - 1),
            **_TAKEN_BY_PLUGIN,
        }
        attributes |= {f"scale{level}": 1 / stride for level, stride in enumerate(strides)}
        return torch.onnx.ops.symbolic(
            f"{NODE_DOMAIN}::RoiAlignFpn{len(maps)}",
            (rois, *maps),
            attributes,
            dtype=maps[0].dtype,
            shape=(rois.shape[0], maps[0].shape[1], output_side, output_side),
            version=VERSION,
        )
    return roi_align_fpn(
        maps, rois, strides=strides, output_side=output_side, sampling_ratio=sampling_ratio
    )


def pool_rois(rois: Tensor, features: Tensor, *, stride: int, output_side: int) -> Tensor:
    """RoI Pool over one map: see ops.roi_pool.roi_pool.

    Args:
        rois: (R, 5) image's number in the batch, then xyxy in pixels.
        features: (B, C, Hi, Wi).
        stride: pixels per cell of the map.
        output_side: side of the result.

    Returns:
        (R, C, output_side, output_side).
    """
    if torch.onnx.is_in_onnx_export():
        return torch.onnx.ops.symbolic(
            f"{NODE_DOMAIN}::RoiPool",
            (rois, features),
            {"scale": 1 / stride, "output_hw": [output_side, output_side], **_TAKEN_BY_PLUGIN},
            dtype=features.dtype,
            shape=(rois.shape[0], features.shape[1], output_side, output_side),
            version=VERSION,
        )
    return roi_pool(features, rois, (output_side, output_side), spatial_scale=1 / stride)
