"""SimOTA: Ge et al., "YOLOX", 2021, section 2.1 ("SimOTA"): which cells learn which object.

The cost of giving an object to a cell is what its losses would be; each object takes the cheapest
cells, as many as good boxes overlap it. A simple form of Ge et al., "OTA", CVPR 2021, without its
optimal transport. N cells, C classes, M objects, K candidates.

Constants are those of github Megvii-BaseDetection/YOLOX where the paper states none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from streamdet.training.overlaps import iou

_CENTRE_RADIUS: Final = 2.5  # cells
_OVERLAP_WEIGHT: Final = 3.0  # lambda of equation 1
_FAR_COST: Final = 1e5  # of a cell that is not both in the object and near its centre
_MOST_CELLS: Final = 10  # q of OTA, section 3.3: overlaps that are summed for an object
_TINY: Final = 1e-8


class CellPredictions(NamedTuple):
    """What the network says of the cells of one image.

    Attributes:
        cells: (N, 4) xyxy pixels, the cells themselves.
        xyxy: (N, 4) pixels, the boxes predicted.
        objectness: (N,) logits.
        classes: (N, C) logits.
    """

    cells: Tensor
    xyxy: Tensor
    objectness: Tensor
    classes: Tensor


class CellObjects(NamedTuple):
    """The cells that learn an object; F counts them.

    Attributes:
        cells: (F,) int64, rising.
        objects: (F,) int64.
        iou: (F,) of the object and the box predicted, without gradient.
    """

    cells: Tensor
    objects: Tensor
    iou: Tensor


@torch.no_grad()
def assign(predictions: CellPredictions, xyxy: Tensor, class_ids: Tensor) -> CellObjects:
    """Give objects to cells by YOLOX's cost.

    Args:
        predictions: of the network.
        xyxy: (M, 4) objects, pixels.
        class_ids: (M,) int64.
    """

    def cost(candidates: Tensor, overlaps: Tensor) -> Tensor:
        classes = _class_cost(
            predictions.objectness[candidates], predictions.classes[candidates], class_ids
        )
        return classes - _OVERLAP_WEIGHT * torch.log(overlaps + _TINY)

    return assign_by_cost(predictions.cells, predictions.xyxy, xyxy, cost)


@torch.no_grad()
def assign_by_cost(
    cells: Tensor, predicted: Tensor, xyxy: Tensor, cost: Callable[[Tensor, Tensor], Tensor]
) -> CellObjects:
    """Give objects to the cells that cost least.

    Args:
        cells: (N, 4) xyxy pixels, the cells themselves.
        predicted: (N, 4) pixels, the boxes predicted.
        xyxy: (M, 4) objects, pixels.
        cost: of the cells (K,) and their overlaps with the objects (M, K) -> (M, K).
    """
    is_in, is_near = _places(cells, xyxy)  # (M, N)
    candidates = torch.nonzero((is_in | is_near).any(dim=0))[:, 0]
    overlaps = iou(xyxy[:, None], predicted[candidates])  # (M, K)
    if not overlaps.numel():
        return CellObjects(candidates[:0], candidates[:0], overlaps.new_zeros(0))
    is_far = ~(is_in & is_near)[:, candidates]
    is_taken = _cheapest(cost(candidates, overlaps) + _FAR_COST * is_far, overlaps)
    is_used = is_taken.any(dim=0)
    objects = is_taken[:, is_used].int().argmax(dim=0)
    return CellObjects(
        candidates[is_used], objects, overlaps[objects, torch.nonzero(is_used)[:, 0]]
    )


def _places(cells: Tensor, xyxy: Tensor) -> tuple[Tensor, Tensor]:
    """Whether each cell's centre is in each object's box, and near the box's centre: (M, N)."""
    centres = (cells[:, :2] + cells[:, 2:]) / 2  # (N, 2)
    reach = _CENTRE_RADIUS * (cells[:, 2:] - cells[:, :2])
    is_in = ((centres > xyxy[:, None, :2]) & (centres < xyxy[:, None, 2:])).all(dim=2)
    middles = (xyxy[:, None, :2] + xyxy[:, None, 2:]) / 2
    return is_in, ((centres - middles).abs() < reach).all(dim=2)


def _class_cost(objectness: Tensor, classes: Tensor, class_ids: Tensor) -> Tensor:
    """Binary cross-entropy (M, K) of the scores sqrt(objectness * class) of all classes."""
    log_score = (functional.logsigmoid(objectness)[:, None] + functional.logsigmoid(classes)) / 2
    log_rest = torch.log(-torch.expm1(log_score.clamp(max=-_TINY)))
    as_background = -log_rest.sum(dim=1)  # (K,)
    gain = (log_rest - log_score)[:, class_ids]  # (K, M)
    return as_background + gain.T


def _cheapest(cost: Tensor, overlaps: Tensor) -> Tensor:
    """Mark the cells that each object takes: (M, K) bool, a cell at most once."""
    best = overlaps.topk(min(_MOST_CELLS, overlaps.shape[1]), dim=1).values
    counts = best.sum(dim=1).int().clamp(min=1)  # dynamic k
    ranks = cost.argsort(dim=1, stable=True).argsort(dim=1)
    is_taken = ranks < counts[:, None]
    cheapest = torch.zeros_like(is_taken).scatter_(0, cost.argmin(dim=0, keepdim=True), True)
    is_disputed = is_taken.sum(dim=0) > 1
    return torch.where(is_disputed, cheapest, is_taken)
