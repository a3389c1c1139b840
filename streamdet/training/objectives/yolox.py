"""YOLOX: Ge, Liu, Wang, Li, Sun, "YOLOX: Exceeding YOLO Series in 2021", sections 2.1 and 3.

SimOTA gives objects to cells (simota.py). These learn box and class; all cells learn objectness.
Losses and weights are those of github Megvii-BaseDetection/YOLOX. B images, N cells of all maps,
C classes, F cells that learn an object.

Where an image's source labels only some classes, a cell without an object may hold one of the
others. There it learns that no labelled class is found, that is that the products of objectness and
class, its scores, are 0; on complete images that its objectness is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from streamdet.config.options import Options
from streamdet.networks.csp_darknet import STRIDES
from streamdet.networks.yolox import YoloxNetwork
from streamdet.training.objectives.map_cells import is_centre_in, map_cells
from streamdet.training.objectives.simota import CellObjects, CellPredictions, assign
from streamdet.training.overlaps import iou
from streamdet.training.target import Target, of_labelled_classes

_BOX_WEIGHT: Final = 5.0


class YoloxObjectiveOptions(Options):
    """Options of `YoloxObjective`."""

    l1_weight: float = Field(
        0.0,
        ge=0,
        description="Of an L1 loss on boxes; the authors add it (1.0) in the last epochs.",
    )


class YoloxObjective:
    """The losses of YOLOX; see `Objective`. Nothing in it is left to chance."""

    Options: ClassVar = YoloxObjectiveOptions

    def __init__(self, network: YoloxNetwork, options: YoloxObjectiveOptions) -> None:
        """Join the network and the options."""
        self.generator = torch.Generator()
        self._network = network
        self._options = options

    def __call__(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Compute box, objectness, classes and, if it counts, l1: sums over cells, divided by F."""
        logits = self._network.logits(images).float()
        cells = map_cells((images.shape[2], images.shape[3]), STRIDES, images.device)
        losses = [
            self._losses(image, cells, of_labelled_classes(target))
            for image, target in zip(logits, targets, strict=True)
        ]
        sums = torch.stack([each for each, _ in losses]).sum(dim=0)
        found = max(sum(count for _, count in losses), 1)
        names = ("box", "objectness", "classes", "l1")[: len(sums)]
        return dict(zip(names, sums / found, strict=True))

    def _losses(self, logits: Tensor, cells: Tensor, target: Target) -> tuple[Tensor, int]:
        """Sums of the losses of one image (N, 5 + C), and F."""
        predictions = CellPredictions(
            cells, decode_boxes(logits[:, :4], cells), logits[:, 4], logits[:, 5:]
        )
        matched = assign(predictions, target.xyxy, target.class_ids)
        xyxy = target.xyxy[matched.objects]
        overlaps = iou(predictions.xyxy[matched.cells], xyxy)
        sums = [
            _BOX_WEIGHT * (1 - overlaps**2).sum(),
            objectness_loss(predictions, matched.cells, target),
            _class_loss(predictions.classes, matched, target),
        ]
        if self._options.l1_weight:
            coded = encode_boxes(xyxy, cells[matched.cells])
            l1 = functional.l1_loss(logits[matched.cells, :4], coded, reduction="sum")
            sums.append(self._options.l1_weight * l1)
        return torch.stack(sums), len(matched.cells)


def decode_boxes(deltas: Tensor, cells: Tensor) -> Tensor:
    """Find boxes, as detectors/yolox.py does; the inverse of `encode_boxes`.

    Args:
        deltas: (N, 4) centre in cells from the cell's corner, log of width and height in cells.
        cells: (N, 4) xyxy pixels.

    Returns:
        (N, 4) xyxy pixels.
    """
    sides = cells[:, 2:] - cells[:, :2]
    centres = deltas[:, :2] * sides + cells[:, :2]
    half = deltas[:, 2:].exp() * sides / 2
    return torch.cat((centres - half, centres + half), dim=1)


def encode_boxes(xyxy: Tensor, cells: Tensor) -> Tensor:
    """Tell boxes (N, 4) from cells (N, 4), both pixels; the inverse of `decode_boxes`."""
    sides = cells[:, 2:] - cells[:, :2]
    centres = ((xyxy[:, :2] + xyxy[:, 2:]) / 2 - cells[:, :2]) / sides
    return torch.cat((centres, ((xyxy[:, 2:] - xyxy[:, :2]) / sides).log()), dim=1)


def objectness_loss(predictions: CellPredictions, found: Tensor, target: Target) -> Tensor:
    """Sum of what cells with (F,) and without an object lose; ignored ones lose nothing."""
    is_found = torch.zeros_like(predictions.objectness, dtype=torch.bool)
    is_found[found] = True
    is_empty = ~is_found & ~is_centre_in(predictions.cells, target.ignored)
    positive = functional.softplus(-predictions.objectness[is_found]).sum()
    if bool(target.is_labelled.all()):
        return positive + functional.softplus(predictions.objectness[is_empty]).sum()
    classes = predictions.classes[is_empty][:, target.is_labelled]
    return positive + _no_product(predictions.objectness[is_empty, None], classes).sum()


def _no_product(left: Tensor, right: Tensor) -> Tensor:
    """Minus log of 1 - sigmoid(left) * sigmoid(right); left (K, 1), right (K, C).

    With a = exp(-left) and b = exp(-right): log of (1 + a)(1 + b) / (a + b + a b).
    """
    left = left.expand_as(right)
    rest = torch.logsumexp(torch.stack((-left, -right, -left - right)), dim=0)
    return functional.softplus(-left) + functional.softplus(-right) - rest


def _class_loss(logits: Tensor, matched: CellObjects, target: Target) -> Tensor:
    """Sum of binary cross-entropies: the overlap is wanted of the object's class, 0 of others."""
    wanted = torch.zeros_like(logits[matched.cells])
    rows = torch.arange(len(wanted), device=wanted.device)
    wanted[rows, target.class_ids[matched.objects]] = matched.iou
    return functional.binary_cross_entropy_with_logits(
        logits[matched.cells], wanted, reduction="sum"
    )
