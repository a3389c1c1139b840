"""Mask R-CNN: He, Gkioxari, Dollar, Girshick, 2017: the losses of its branches.

Faster R-CNN's losses (faster_rcnn.py), and on the regions with an object: of masks the average
binary cross-entropy of the object's class alone (section 3), of keypoints the cross-entropy over
all cells of a heatmap, of which one is right (section 5). Images whose source has no masks or
keypoints train the rest. K positive regions, C classes, M cells by row and by column, P keypoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from streamdet.networks.mask_rcnn import MaskRcnn
from streamdet.ops.roi_align import roi_align
from streamdet.training.objectives.faster_rcnn import (
    FasterRcnnObjective,
    FasterRcnnObjectiveOptions,
    Pass,
)
from streamdet.training.region_losses import BACKGROUND, padded
from streamdet.training.target import Target


class MaskRcnnObjective:
    """The losses of Mask R-CNN; see `Objective`."""

    Options: ClassVar = FasterRcnnObjectiveOptions

    def __init__(self, network: MaskRcnn, options: FasterRcnnObjectiveOptions) -> None:
        """Join the network and the options."""
        self._network = network
        self._boxes = FasterRcnnObjective(network, options)
        self.generator = self._boxes.generator

    def __call__(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Compute Faster R-CNN's four, and mask and keypoint as far as the network has them."""
        passed = self._boxes.run(images, targets)
        losses = dict(passed.losses)
        if self._network.options.has_masks:
            losses["mask"] = self._mask_loss(passed)
        if self._network.options.keypoints:
            losses["keypoint"] = self._keypoint_loss(passed)
        return losses

    def _mask_loss(self, passed: Pass) -> Tensor:
        objects = [
            _objects(passed, image, target.masks is not None)
            for image, target in enumerate(passed.targets)
        ]
        logits = self._logits("mask", passed, objects)  # (K, C + 1, M, M)
        rows = torch.arange(len(logits), device=logits.device)
        own = logits[rows, torch.cat([each.labels for each in objects])]
        wanted = [
            masks_in_boxes(target.masks, each.rows, each.xyxy, logits.shape[-1])
            for target, each in zip(passed.targets, objects, strict=True)
            if target.masks is not None
        ]
        return _cross_entropy_of_masks(own, wanted)

    def _keypoint_loss(self, passed: Pass) -> Tensor:
        objects = [
            _objects(passed, image, target.keypoints is not None)
            for image, target in enumerate(passed.targets)
        ]
        logits = self._logits("keypoint", passed, objects)  # (K, P, M, M)
        wanted = [
            cells_of_points(target.keypoints[each.rows], each.xyxy, logits.shape[-1])
            for target, each in zip(passed.targets, objects, strict=True)
            if target.keypoints is not None
        ]
        return _cross_entropy_of_cells(logits, wanted)

    def _logits(self, name: str, passed: Pass, objects: Sequence[Objects]) -> Tensor:
        """Run a branch on the regions of all images: one row each, image by image."""
        boxes = padded([each.xyxy for each in objects])
        counts = torch.tensor([len(each.xyxy) for each in objects], device=boxes.device)
        is_used = torch.arange(boxes.shape[1], device=boxes.device) < counts[:, None]
        return self._network.branch(name, passed.maps, boxes)[is_used.flatten()].float()


class Objects(NamedTuple):
    """The positive regions of an image.

    Attributes:
        xyxy: (K, 4) pixels.
        labels: (K,) int64, 1..C.
        rows: (K,) int64: of their objects in the target.
    """

    xyxy: Tensor
    labels: Tensor
    rows: Tensor


def _objects(passed: Pass, image: int, is_known: bool) -> Objects:
    """The positive regions of an image; none if what the branch learns is not known."""
    labels = passed.regions.labels[image]
    is_used = (labels > BACKGROUND) & is_known
    return Objects(
        passed.regions.xyxy[image][is_used],
        labels[is_used],
        passed.regions.objects[image][is_used],
    )


def masks_in_boxes(masks: Tensor, rows: Tensor, xyxy: Tensor, side: int) -> Tensor:
    """Cut masks down to boxes, as RoI Align sees them.

    Args:
        masks: (N, H, W) bool.
        rows: (K,) int64: the mask of each box.
        xyxy: (K, 4) pixels.
        side: M.

    Returns:
        (K, M, M) float32: the share of each cell that the mask covers, about.
    """
    rois = torch.cat((rows[:, None].to(xyxy.dtype), xyxy), dim=1)
    shares: Tensor = roi_align(
        masks[:, None].to(xyxy.dtype), rois, (side, side), spatial_scale=1.0, sampling_ratio=0
    )
    return shares[:, 0]


def cells_of_points(points: Tensor, xyxy: Tensor, side: int) -> Tensor:
    """Find the cell of a heatmap that each point lies in.

    Args:
        points: (K, P, 3) x, y in pixels, visibility.
        xyxy: (K, 4) pixels, the box of each heatmap.
        side: M.

    Returns:
        (K, P) int64, row * M + column; -1 where the point is not known or outside the box.
    """
    start, sides = xyxy[:, None, :2], (xyxy[:, None, 2:] - xyxy[:, None, :2])
    shares = (points[..., :2] - start) / sides
    is_inside = ((shares >= 0) & (shares <= 1)).all(dim=2) & (points[..., 2] > 0)
    column, row = (shares * side).floor().clamp(max=side - 1).long().unbind(dim=2)
    return torch.where(is_inside, row * side + column, -1)


def _cross_entropy_of_masks(logits: Tensor, wanted: Sequence[Tensor]) -> Tensor:
    """Mean over the cells of all masks (K, M, M); 0 without any."""
    if not len(logits):
        return logits.sum()
    return functional.binary_cross_entropy_with_logits(logits, torch.cat([*wanted]))


def _cross_entropy_of_cells(logits: Tensor, wanted: Sequence[Tensor]) -> Tensor:
    """Mean over the known points of heatmaps (K, P, M, M); 0 without any."""
    if not len(logits):
        return logits.sum()
    cells = torch.cat([*wanted])
    is_known = cells >= 0
    losses = functional.cross_entropy(logits.flatten(2)[is_known], cells[is_known], reduction="sum")
    return losses / is_known.sum().clamp(min=1)
