"""Which boxes hold which objects, and which are looked at: what the objectives' rules are made of.

A counts boxes (anchors, proposals, windows), N objects, M ignored regions.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

from streamdet.training.overlaps import covered_share, iou

_IGNORED_SHARE: Final = 0.5  # of a box; COCO's evaluation asks as much for a match with a crowd


class Overlaps(NamedTuple):
    """The object that each box overlaps most.

    Attributes:
        iou: (A,), 0 where there is no object.
        row: (A,) int64 of the object, the first of equal ones; 0 where there is none.
        is_best: (A,) bool: no box overlaps some object more; never where the overlap is 0.
    """

    iou: Tensor
    row: Tensor
    is_best: Tensor


class Assignment(NamedTuple):
    """What boxes are trained as; what is neither positive nor negative is not trained.

    Attributes:
        row: (A,) int64 of each box's object; means nothing unless it is positive.
        is_positive: (A,) bool.
        is_negative: (A,) bool.
    """

    row: Tensor
    is_positive: Tensor
    is_negative: Tensor


def best_overlaps(boxes: Tensor, objects: Tensor) -> Overlaps:
    """Compare boxes (A, 4) with objects (N, 4), both xyxy pixels.

    A box that is the best of one object may overlap another more: it keeps the latter, as in
    torchvision.
    """
    if not len(objects):
        none = torch.zeros(len(boxes), dtype=torch.int64, device=boxes.device)
        return Overlaps(boxes.new_zeros(len(boxes)), none, none.bool())
    pairs = iou(boxes[:, None], objects)  # (A, N)
    highest, row = pairs.max(dim=1)
    best_of_object = pairs.amax(dim=0) if len(boxes) else pairs.new_zeros(len(objects))
    is_best = ((pairs == best_of_object) & (pairs > 0)).any(dim=1)
    return Overlaps(highest, row, is_best)


def is_in_ignored(boxes: Tensor, ignored: Tensor) -> Tensor:
    """Mark the boxes (A, 4) of which one of the regions (M, 4) covers at least half: (A,) bool."""
    return (covered_share(boxes[:, None], ignored) >= _IGNORED_SHARE).any(dim=1)


def sampled(
    assignment: Assignment, size: int, positive_share: float, generator: torch.Generator
) -> Assignment:
    """Keep at most `size` of the boxes that are trained, by chance.

    Faster R-CNN, section 3.1.3: negatives fill up what positives are missing, so that a few
    objects are not lost among many boxes of background.

    Args:
        assignment: of one image.
        size: most boxes.
        positive_share: most positives, as a share of `size`.
        generator: draws, on the CPU.
    """
    is_positive = _some(assignment.is_positive, int(size * positive_share), generator)
    rest = size - int(is_positive.sum())
    return assignment._replace(
        is_positive=is_positive, is_negative=_some(assignment.is_negative, rest, generator)
    )


def _some(is_wanted: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Leave at most so many of (A,) bool."""
    indices = torch.nonzero(is_wanted)[:, 0]
    order = torch.randperm(len(indices), generator=generator)[:most].to(indices.device)
    kept = torch.zeros_like(is_wanted)
    kept[indices[order]] = True
    return kept
