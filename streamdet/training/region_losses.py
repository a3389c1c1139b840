"""What regions of an image lose, in R-CNN's whole family: Girshick, "Fast R-CNN", section 2.3.

B images, P regions of an image, C classes without the background.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from streamdet.ops.box_coding import BoxWeights, encode_boxes
from streamdet.training.matching import Assignment, best_overlaps, is_in_ignored, sampled
from streamdet.training.target import Target

Rule = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Tells from the overlaps (A,) of regions which are positive and which are negative."""

BACKGROUND: Final = 0
UNUSED: Final = -1
"""Label of a row that only fills up the regions of an image."""


class Regions(NamedTuple):
    """Regions of a batch that are trained.

    Attributes:
        xyxy: (B, P, 4) pixels; rows that fill up have no area.
        labels: (B, P) int64: 0 background, 1.. the classes, -1 a row that fills up.
        objects: (B, P) int64: row of each region's object in its target; means nothing unless the
            label is above 0.
    """

    xyxy: Tensor
    labels: Tensor
    objects: Tensor


def choose_regions(
    candidates: Sequence[Tensor],
    targets: Sequence[Target],
    rule: Rule,
    sample: tuple[int, float],
    generator: torch.Generator,
) -> Regions:
    """Label candidate regions and keep some of each image by chance.

    Args:
        candidates: (A, 4) pixels, of each image.
        targets: of each image; every class of an object is labelled.
        rule: what is positive, what negative; ignored regions are neither.
        sample: most regions of an image, and which share of them may be positive.
        generator: draws.
    """
    chosen = [
        _chosen(boxes, target, rule, sample, generator)
        for boxes, target in zip(candidates, targets, strict=True)
    ]
    xyxy, labels, objects = zip(*chosen, strict=True)
    return Regions(padded(xyxy), padded(labels, UNUSED), padded(objects))


def padded(images: Sequence[Tensor], filling: int = 0) -> Tensor:
    """Join rows of each image, (K, ...), into (B, P, ...); at least one, for the networks."""
    one = images[0].new_full((1, *images[0].shape[1:]), filling)
    return pad_sequence([*images, one], batch_first=True, padding_value=filling)[:-1]


def _chosen(
    boxes: Tensor, target: Target, rule: Rule, sample: tuple[int, float], generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Regions of one image, their labels, the rows of their objects."""
    overlaps = best_overlaps(boxes, target.xyxy)
    is_positive, is_negative = rule(overlaps.iou)
    is_negative = is_negative & ~is_positive & ~is_in_ignored(boxes, target.ignored)
    kept = sampled(Assignment(overlaps.row, is_positive, is_negative), *sample, generator)
    rows = torch.nonzero(kept.is_positive | kept.is_negative)[:, 0]
    labels = torch.full_like(rows, BACKGROUND)
    is_object = kept.is_positive[rows]
    labels[is_object] = target.class_ids[kept.row[rows[is_object]]] + 1
    return boxes[rows], labels, kept.row[rows]


def class_loss(logits: Tensor, labels: Tensor, is_labelled: Tensor) -> Tensor:
    """Cross-entropy of regions, minus the log of the probability of what is known.

    Of the background it is known only that it is none of the labelled classes: the probabilities
    of the others count with the background's.

    Args:
        logits: (R, C + 1), the background first.
        labels: (R,) int64, 0..C.
        is_labelled: (R, C) bool, of each region's image.

    Returns:
        (R,).
    """
    own = functional.one_hot(labels, logits.shape[1]).bool()
    is_possible = own | functional.pad((labels == BACKGROUND)[:, None] & ~is_labelled, (1, 0))
    possible = logits.masked_fill(~is_possible, -torch.inf)
    return logits.logsumexp(dim=1) - possible.logsumexp(dim=1)


def region_losses(
    logits: Tensor,
    deltas: Tensor,
    regions: Regions,
    targets: Sequence[Target],
    coding: tuple[BoxWeights, float],
) -> dict[str, Tensor]:
    """Compute the losses of the two siblings, each a sum over regions by their number.

    Args:
        logits: (B, P, C + 1), the background first.
        deltas: (B, P, C, 4).
        regions: that the network looked at.
        targets: of each image.
        coding: weights of the deltas, and where smooth L1 turns from square to linear.

    Returns:
        class, box.
    """
    weights, beta = coding
    is_used = regions.labels != UNUSED
    is_labelled = torch.stack([target.is_labelled for target in targets])
    each_labelled = is_labelled[:, None].expand(-1, is_used.shape[1], -1)[is_used]
    losses = class_loss(logits.float()[is_used], regions.labels[is_used], each_labelled)
    is_object = regions.labels > BACKGROUND
    rows = torch.arange(int(is_object.sum()), device=deltas.device)
    own = deltas.float()[is_object][rows, regions.labels[is_object] - 1]
    wanted = encode_boxes(boxes_of(regions, targets), regions.xyxy[is_object], weights)
    box = functional.smooth_l1_loss(own, wanted, beta=beta, reduction="sum")
    count = max(len(losses), 1)
    return {"class": losses.sum() / count, "box": box / count}


def boxes_of(regions: Regions, targets: Sequence[Target]) -> Tensor:
    """The objects' boxes of all positive regions, image by image: (K, 4)."""
    return torch.cat(
        [
            target.xyxy[objects[labels > BACKGROUND]]
            for target, objects, labels in zip(
                targets, regions.objects, regions.labels, strict=True
            )
        ]
    )
