"""PicoDet: Yu et al., "PP-PicoDet", 2021, section 3.3: what its head is fitted to.

SimOTA gives objects to cells by the cost "varifocal loss + 6 GIoU loss". Class scores learn the
overlap of the box with its object, by the varifocal loss (Zhang et al., "VarifocalNet", 2021,
equation 2, in place of the quality focal loss of Li et al., "Generalized Focal Loss", 2020); boxes
learn by the GIoU loss and each side by the distribution focal loss (Li et al., equation 6). A cell
counts for its box as much as its score. Weights are those of github PaddlePaddle/PaddleDetection.

Cells without an object in an ignored region learn nothing, and no cell learns classes that its
image's source does not label. N cells of all maps, C classes, F cells that learn an object, M
objects, K candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import torch
from torch import Tensor
from torch.nn import functional

from streamdet.config.options import Options
from streamdet.networks.picodet import BINS, STRIDES, PicoDetNetwork
from streamdet.training.objectives.map_cells import is_centre_in, map_cells
from streamdet.training.objectives.simota import CellObjects, assign_by_cost
from streamdet.training.overlaps import giou
from streamdet.training.target import Target, of_labelled_classes

_BOX_WEIGHT: Final = 2.0
_SIDES_WEIGHT: Final = 0.25
_COST_OF_BOX: Final = 6.0
_ALPHA: Final = 0.75  # of varifocal loss, as gamma
_GAMMA: Final = 2.0
_FARTHEST: Final = BINS - 1 - 0.01  # cells: a distance lies between two bins
_LEAST: Final = 1e-6


class PicoDetObjectiveOptions(Options):
    """`PicoDetObjective` has none."""


class PicoDetObjective:
    """The losses of PicoDet; see `Objective`. Nothing in it is left to chance."""

    Options: ClassVar = PicoDetObjectiveOptions

    def __init__(self, network: PicoDetNetwork, options: PicoDetObjectiveOptions) -> None:
        """Join the network and the options."""
        self.generator = torch.Generator()
        self._network = network

    def __call__(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Compute classes, divided by F, and box and sides, divided by the scores of these F."""
        classes, sides = (each.float() for each in self._network.logits(images))
        cells = map_cells((images.shape[2], images.shape[3]), STRIDES, images.device)
        losses = [
            _losses(logits, of_image, cells, of_labelled_classes(target))
            for logits, of_image, target in zip(classes, sides, targets, strict=True)
        ]
        sums = torch.stack([each for each, _ in losses]).sum(dim=0)
        found = max(sum(count for _, count in losses), 1)
        weight = sums[3].clamp(min=_LEAST)
        return {"classes": sums[0] / found, "box": sums[1] / weight, "sides": sums[2] / weight}


def _losses(classes: Tensor, sides: Tensor, cells: Tensor, target: Target) -> tuple[Tensor, int]:
    """Sums of the losses of one image, and of the scores of its F cells; and F."""
    xyxy = decode_boxes(sides, cells)
    matched = _matched(classes, xyxy, cells, target)
    wanted = target.xyxy[matched.objects]
    distances = encode_boxes(wanted, cells[matched.cells])
    score = classes.detach()[matched.cells].sigmoid().amax(dim=1)
    sums = [
        _class_loss(classes, cells, matched, target),
        _BOX_WEIGHT * (score * (1 - giou(xyxy[matched.cells], wanted))).sum(),
        _SIDES_WEIGHT * (score * distribution_focal_loss(sides[matched.cells], distances)).sum(),
        score.sum(),
    ]
    return torch.stack(sums), len(matched.cells)


def decode_boxes(sides: Tensor, cells: Tensor) -> Tensor:
    """Find boxes, as detectors/gfl.py does.

    Args:
        sides: (N, 4, bins) logits: left, top, right, bottom; bin k is a distance of k cells.
        cells: (N, 4) xyxy pixels.

    Returns:
        (N, 4) xyxy pixels.
    """
    bins = torch.arange(sides.shape[2], dtype=sides.dtype, device=sides.device)
    distances = (sides.softmax(dim=2) @ bins) * (cells[:, 2:] - cells[:, :2]).repeat(1, 2)
    centres = (cells[:, :2] + cells[:, 2:]) / 2
    return torch.cat((centres - distances[:, :2], centres + distances[:, 2:]), dim=1)


def encode_boxes(xyxy: Tensor, cells: Tensor) -> Tensor:
    """Tell boxes (N, 4) from cells (N, 4), both pixels: distances (N, 4) in cells, 0..bins - 1."""
    centres = (cells[:, :2] + cells[:, 2:]) / 2
    distances = torch.cat((centres - xyxy[:, :2], xyxy[:, 2:] - centres), dim=1)
    return (distances / (cells[:, 2:] - cells[:, :2]).repeat(1, 2)).clamp(0, _FARTHEST)


def distribution_focal_loss(sides: Tensor, distances: Tensor) -> Tensor:
    """Mean over the sides of a box of the cross-entropy to the two bins beside a distance.

    Args:
        sides: (F, 4, bins) logits.
        distances: (F, 4) below bins - 1.

    Returns:
        (F,)
    """
    low = distances.long()
    share = distances - low
    logs = -sides.log_softmax(dim=2)
    near, far = (logs.gather(2, each[..., None])[..., 0] for each in (low, low + 1))
    return (near * (1 - share) + far * share).mean(dim=1)


def varifocal_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Of each score: one that has no object counts less the lower it is already.

    Args:
        logits: (...) of scores.
        wanted: (...) overlap with the object; 0: there is none.

    Returns:
        (...)
    """
    weight = torch.where(wanted > 0, wanted, _ALPHA * logits.sigmoid() ** _GAMMA)
    return weight * functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")


def _matched(classes: Tensor, xyxy: Tensor, cells: Tensor, target: Target) -> CellObjects:
    def cost(candidates: Tensor, overlaps: Tensor) -> Tensor:
        logits = classes[candidates]
        background = varifocal_loss(logits, torch.zeros_like(logits))  # (K, C)
        of_class = logits[:, target.class_ids].T  # (M, K)
        gain = varifocal_loss(of_class, overlaps) - background[:, target.class_ids].T
        distance = 1 - giou(target.xyxy[:, None], xyxy[candidates])
        return background.sum(dim=1) + gain + _COST_OF_BOX * distance

    return assign_by_cost(cells, xyxy, target.xyxy, cost)


def _class_loss(logits: Tensor, cells: Tensor, matched: CellObjects, target: Target) -> Tensor:
    """Sum over all cells and classes that count."""
    wanted = torch.zeros_like(logits)
    wanted[matched.cells, target.class_ids[matched.objects]] = matched.iou
    counts = ~is_centre_in(cells, target.ignored)
    counts[matched.cells] = True
    return varifocal_loss(logits, wanted)[counts][:, target.is_labelled].sum()
