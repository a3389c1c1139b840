"""The end of a network that ends in detections: scored regions in, the best boxes out.

Girshick, "Fast R-CNN", 2015, section 2.2: each class moves a region in its own way, and its boxes
are suppressed among themselves. B images, P proposals and K detections of an image, C classes
without the background.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from streamdet.config.options import Options
from streamdet.networks import nodes
from streamdet.networks.region_proposals import Proposals
from streamdet.ops.box_coding import HEAD_WEIGHTS, BoxWeights, decode_boxes
from streamdet.ops.boxes import clip_boxes, is_large_enough
from streamdet.ops.take_rows import take_rows

_MIN_SIDE: Final = 1e-2  # pixels of a detection; torchvision's


class SuppressionOptions(Options):
    """Which boxes of an image become its detections."""

    score_thresh: float = Field(0.05, ge=0, le=1, description="A detection's score is above it.")
    iou_thresh: float = Field(0.5, ge=0, le=1, description="Overlap above which the lower goes.")
    candidates: int = Field(1000, ge=1, description="Most boxes before the last suppression.")
    detections: int = Field(100, ge=1, description="Most detections of an image: K.")


class Found(NamedTuple):
    """Detections of each image by falling score; rows from `counts` on mean nothing.

    Attributes:
        boxes: (B, K, 4) xyxy, pixels of the image.
        scores: (B, K).
        class_ids: (B, K) int64, 0..C - 1.
        counts: (B,) int64.
    """

    boxes: Tensor
    scores: Tensor
    class_ids: Tensor
    counts: Tensor


class ScoredRegions(NamedTuple):
    """What a head says of proposals.

    Attributes:
        scores: (B, P, C), 0..1.
        deltas: (B, P, C, 4), how each class moves its proposal; see ops.box_coding.
    """

    scores: Tensor
    deltas: Tensor


def suppressed(
    regions: ScoredRegions,
    proposals: Proposals,
    hw: tuple[int, int] | tuple[Tensor, Tensor],
    options: SuppressionOptions,
    weights: BoxWeights = HEAD_WEIGHTS,
) -> Found:
    """Turn proposals into detections: the best boxes, clipped, suppressed by class.

    Args:
        regions: what the head says of the proposals.
        proposals: those.
        hw: height and width to clip to, pixels; see ops.boxes.clip_boxes.
        options: thresholds and numbers.
        weights: of the deltas.
    """
    classes = regions.scores.shape[2]
    flat = torch.where(proposals.is_proposal[..., None], regions.scores, -1.0).flatten(1)
    scores, places = nodes.top_k(flat, options.candidates)
    rows, class_ids = places // classes, places % classes
    deltas = take_rows(regions.deltas.flatten(1, 2), places)
    xyxy = clip_boxes(decode_boxes(deltas, take_rows(proposals.xyxy, rows), weights), hw)
    kept = nodes.nms(
        xyxy,
        torch.where(is_large_enough(xyxy, _MIN_SIDE), scores, -1.0),
        class_ids,
        classes=classes,
        iou_thresh=options.iou_thresh,
        score_thresh=options.score_thresh,
        most=min(options.detections, scores.shape[1]),
    )
    return Found(
        take_rows(xyxy, kept.indices),
        take_rows(scores, kept.indices),
        take_rows(class_ids, kept.indices),
        kept.counts,
    )
