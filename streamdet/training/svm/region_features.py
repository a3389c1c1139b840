"""Features of regions, as R-CNN's and SPP-net's layers give them, kept for what is fitted to them.

P regions of an image, F features of a region before fc6, W after fc7, N objects, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from streamdet.networks.region_cnn import RegionCnn
from streamdet.networks.sppnet import SppNet
from streamdet.ops.box_coding import encode_boxes
from streamdet.training.drawn_boxes import drawn_boxes
from streamdet.training.matching import best_overlaps, is_in_ignored
from streamdet.training.objectives.rcnn import warped
from streamdet.training.overlaps import iou
from streamdet.training.svm.region_recipe import RegionSvmRecipe
from streamdet.training.target import Target, of_labelled_classes

_AT_ONCE = 16  # regions that R-CNN looks at together: their maps stay in a CPU's cache


@dataclass(frozen=True, slots=True, eq=False)
class RegionExamples:
    """What one image teaches.

    Attributes:
        features: (P, W) float32, after fc7; the objects' own boxes come first.
        object_ids: (N,) class of each of these.
        is_negative: (P, C) bool: holds no object of a class that the image's source labels.
        box_features: (Q, F) float32, before fc6, of the regions that overlap an object well.
        box_class_ids: (Q,) class of that object.
        box_deltas: (Q, 4) from the region to it, see ops.box_coding.
    """

    features: Tensor
    object_ids: Tensor
    is_negative: Tensor
    box_features: Tensor
    box_class_ids: Tensor
    box_deltas: Tensor


class RegionFeatures:
    """Draws regions of an image and computes their features."""

    def __init__(self, network: RegionCnn | SppNet, recipe: RegionSvmRecipe) -> None:
        """Join a network in evaluation mode with the recipe."""
        self._network = network
        self._recipe = recipe

    @torch.inference_mode()
    def __call__(self, image: Tensor, target: Target, index: int) -> RegionExamples:
        """Look at an image.

        Args:
            image: (1, 3, H, W) normalised.
            target: its truth.
            index: of the image: what chance depends on.
        """
        recipe, sure = self._recipe, of_labelled_classes(target)
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + index)
        counts = (recipe.around, recipe.anywhere)
        drawn = drawn_boxes(sure.xyxy, (image.shape[2], image.shape[3]), counts, generator)
        xyxy = torch.cat((sure.xyxy, drawn))
        before = self._before_fc6(image, xyxy)
        best = best_overlaps(xyxy, sure.xyxy)
        rows = torch.nonzero(best.iou > recipe.box_overlap)[:, 0]
        rows = rows[torch.randperm(len(rows), generator=generator)[: 8 * len(sure.xyxy)]]
        objects = best.row[rows]
        return RegionExamples(
            features=self._network.head.layers(before),
            object_ids=sure.class_ids,
            is_negative=_is_negative(xyxy, sure, recipe.negative),
            box_features=before[rows].clone(),
            box_class_ids=sure.class_ids[objects],
            box_deltas=encode_boxes(sure.xyxy[objects], xyxy[rows], self._network.box_weights),
        )

    def _before_fc6(self, image: Tensor, xyxy: Tensor) -> Tensor:
        """Compute what fc6 sees of regions (P, 4): (P, F)."""
        network = self._network
        if isinstance(network, SppNet):
            return network.pyramid(network.features(image), xyxy[None])
        return torch.cat([
            network.features(warped(image[0], some, network.hw, self._recipe.context))
            for some in torch.split(xyxy, _AT_ONCE)
        ])  # fmt: skip


def _is_negative(xyxy: Tensor, target: Target, most: float) -> Tensor:
    """Tell (P, C) the regions that overlap no object of a class by `most`.

    R-CNN, section 2.3: another class's objects are negatives, too; so are parts of objects.
    """
    classes = len(target.is_labelled)
    overlap = torch.zeros(len(xyxy), classes)
    if len(target.xyxy):
        pairs = iou(xyxy[:, None], target.xyxy)
        overlap.scatter_reduce_(1, target.class_ids.expand(len(xyxy), -1), pairs, "amax")
    is_sure = target.is_labelled & ~is_in_ignored(xyxy, target.ignored)[:, None]
    return (overlap < most) & is_sure
