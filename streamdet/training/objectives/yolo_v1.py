"""YOLO: Redmon, Divvala, Girshick, Farhadi, CVPR 2016, section 2.2: equation 3.

The cell that an object's centre lies in answers for it, and there the box that overlaps it most: it
learns the object's place and, as its confidence, how much it overlaps. All other boxes learn a
confidence of 0, at half the weight. Where no box overlaps the object, the nearest is responsible,
as in the authors' darknet; of several objects in a cell the first counts, as there.

Where an image's source labels only some classes, cells without an object may hold one of the
others: their confidence is left alone. P images, S cells by row and by column, B boxes of a cell,
C classes, M objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from streamdet.config.options import Options
from streamdet.networks.yolo_v1 import YoloV1Network
from streamdet.training.overlaps import iou
from streamdet.training.target import Target, of_labelled_classes

_COORD_WEIGHT: Final = 5.0
_NO_OBJECT_WEIGHT: Final = 0.5


class YoloV1ObjectiveOptions(Options):
    """Options of `YoloV1Objective`: the paper leaves none open."""


class YoloV1Objective:
    """The loss of YOLO; see `Objective`. Nothing in it is left to chance."""

    Options: ClassVar = YoloV1ObjectiveOptions

    def __init__(self, network: YoloV1Network, options: YoloV1ObjectiveOptions) -> None:
        """Join the network and the options."""
        self.generator = torch.Generator()
        self._network = network

    def __call__(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Compute box, confidence, no_object and classes: sums over cells, means over images."""
        cells = self._network(images)["cells"].float()
        hw = (images.shape[2], images.shape[3])
        losses = [
            cell_losses(image, of_labelled_classes(target), hw)
            for image, target in zip(cells, targets, strict=True)
        ]
        return {
            name: torch.stack([each[name] for each in losses]).mean()
            for name in ("box", "confidence", "no_object", "classes")
        }


class CellObjects(NamedTuple):
    """Objects and the cells that answer for them; M objects.

    Attributes:
        cells: (M,) int64, row * S + column, each once.
        boxes: (M, 4): centre x and y in cells from the cell's corner, square roots of width and
            height as shares of the image; as the network codes them.
        class_ids: (M,) int64.
    """

    cells: Tensor
    boxes: Tensor
    class_ids: Tensor


def objects_of_cells(target: Target, side: int, hw: tuple[int, int]) -> CellObjects:
    """Give objects to cells.

    Args:
        target: every class of an object is labelled.
        side: S.
        hw: height and width of the image, pixels.
    """
    image_wh = target.xyxy.new_tensor([hw[1], hw[0]])
    shares = target.xyxy.view(-1, 2, 2) / image_wh
    centres = shares.mean(dim=1) * side
    corners = centres.floor().clamp(0, side - 1)
    column, row = corners.long().unbind(dim=1)
    cells = row * side + column
    is_same = cells[:, None] == cells
    is_first = ~is_same.tril(diagonal=-1).any(dim=1)
    sides = (shares[:, 1] - shares[:, 0]).sqrt()
    boxes = torch.cat((centres - corners, sides), dim=1)
    return CellObjects(cells[is_first], boxes[is_first], target.class_ids[is_first])


def cell_losses(cells: Tensor, target: Target, hw: tuple[int, int]) -> dict[str, Tensor]:
    """Compute the four parts of equation 3 for one image.

    Args:
        cells: (S, S, 5 B + C), of the network.
        target: every class of an object is labelled.
        hw: height and width of the image, pixels.
    """
    side, classes = cells.shape[0], len(target.is_labelled)
    objects = objects_of_cells(target, side, hw)
    boxes = cells[..., :-classes].reshape(side * side, -1, 5)
    own = boxes[objects.cells]  # (M, B, 5)
    responsible, overlap = _responsible(own, objects.boxes, side)
    rows = torch.arange(len(own), device=own.device)
    own = own[rows, responsible]  # (M, 5)
    is_empty = torch.ones_like(boxes[..., 4], dtype=torch.bool)
    is_empty[objects.cells, responsible] = False
    is_empty &= (~_is_ignored(target, side, hw) & target.is_labelled.all())[:, None]
    wanted = functional.one_hot(objects.class_ids, classes).to(cells.dtype)
    scores = cells[..., -classes:].flatten(0, 1)[objects.cells]
    return {
        "box": _COORD_WEIGHT * (own[:, :4] - objects.boxes).square().sum(),
        "confidence": (own[:, 4] - overlap).square().sum(),
        "no_object": _NO_OBJECT_WEIGHT * boxes[..., 4][is_empty].square().sum(),
        "classes": (scores - wanted).square().sum(),
    }


@torch.no_grad()
def _responsible(predicted: Tensor, wanted: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Of boxes (M, B, 5) which (M,) answers for the object (M, 4), and its overlap (M,)."""
    overlaps = iou(_shares(predicted[..., :4], side), _shares(wanted, side)[:, None])  # (M, B)
    away = (predicted[..., :4] - wanted[:, None]).square().sum(dim=2)
    is_met = (overlaps > 0).any(dim=1, keepdim=True)
    responsible = torch.where(is_met, -overlaps, away).argmin(dim=1)
    return responsible, overlaps.gather(1, responsible[:, None])[:, 0]


def _shares(boxes: Tensor, side: int) -> Tensor:
    """Coded boxes (..., 4) as xyxy, in thousandths of the image, from the cell's corner."""
    centres, half = boxes[..., :2] / side, boxes[..., 2:4].square() / 2
    return 1000 * torch.cat((centres - half, centres + half), dim=-1)


def _is_ignored(target: Target, side: int, hw: tuple[int, int]) -> Tensor:
    """Mark the cells (S * S,) whose centre lies in an ignored region."""
    centres = (torch.arange(side, device=target.ignored.device) + 0.5) / side
    y, x = torch.meshgrid(centres * hw[0], centres * hw[1], indexing="ij")
    points = torch.stack((x, y), dim=-1).view(-1, 1, 2)
    low, high = target.ignored[:, :2], target.ignored[:, 2:]
    return ((points > low) & (points < high)).all(dim=2).any(dim=1)
