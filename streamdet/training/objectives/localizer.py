"""Localization by regression: Sermanet et al., "OverFeat", 2014, section 4; "DeepPose", 2014.

First the classifier learns, then the box (and the points) by an L2 loss on what the classifier
computes, which stays as it was (section 4.2); or everything at once. The object of an image is its
largest; images without one teach the background, where the network has it. B images, C classes,
K points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from streamdet.config.options import Options
from streamdet.networks.localizer import Localizer
from streamdet.ops.box_coding import encode_boxes
from streamdet.training.region_losses import BACKGROUND, class_loss
from streamdet.training.target import Target, of_labelled_classes

Phase = Literal["both", "classes", "boxes"]


class LocalizerObjectiveOptions(Options):
    """Options of `LocalizerObjective`."""

    trains: Phase = Field(
        "both", description="The classifier, then boxes (and points) on top of it; or both."
    )


class LocalizerObjective:
    """The losses of a localizer; see `Objective`. Nothing in it is left to chance.

    Boxes alone are trained in the network's evaluation mode, which is set here: neither dropout
    nor statistics change what the classifier computes.
    """

    Options: ClassVar = LocalizerObjectiveOptions

    def __init__(self, network: Localizer, options: LocalizerObjectiveOptions) -> None:
        """Join the network and the options."""
        self.generator = torch.Generator()
        self._network = network
        self._trains = options.trains

    def __call__(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Compute class; box, and point where the network has points; as the options say."""
        hw = (images.shape[2], images.shape[3])
        found = largest_objects([of_labelled_classes(target) for target in targets])
        features = self._features(images)
        losses: dict[str, Tensor] = {}
        if self._trains != "boxes":
            losses["class"] = self._class_loss(features, found)
        if self._trains != "classes":
            losses["box"] = self._box_loss(features, found, hw)
            if self._network.point_head is not None:
                losses["point"] = _point_loss(self._network.point_head(features), found, hw)
        return losses

    def _features(self, images: Tensor) -> Tensor:
        if self._trains != "boxes":
            return self._network.features(images)
        self._network.eval()
        with torch.no_grad():
            return self._network.features(images)

    def _class_loss(self, features: Tensor, found: LargestObjects) -> Tensor:
        logits = self._network.class_head(features).float()
        if self._network.options.has_background:
            return class_loss(logits, found.labels, found.is_labelled).mean()
        is_object = found.labels > BACKGROUND
        losses = functional.cross_entropy(
            logits[is_object], found.labels[is_object] - 1, reduction="sum"
        )
        return losses / is_object.sum().clamp(min=1)

    def _box_loss(self, features: Tensor, found: LargestObjects, hw: tuple[int, int]) -> Tensor:
        is_object = found.labels > BACKGROUND
        deltas: Tensor = self._network.box_head(features[is_object]).float()
        own = torch.zeros_like(found.labels[is_object])
        if self._network.options.boxes == "per_class":
            own = found.labels[is_object] - 1
        image = deltas.new_tensor([0, 0, hw[1], hw[0]])
        wanted = encode_boxes(found.xyxy[is_object], image)
        rows = torch.arange(len(own), device=own.device)
        away = deltas.view(len(own), deltas.shape[1] // 4, 4)[rows, own] - wanted
        return away.square().sum() / max(len(own), 1)


class LargestObjects(NamedTuple):
    """The object of each image.

    Attributes:
        xyxy: (B, 4) pixels; zeros without one.
        labels: (B,) int64: 0 none, 1.. the classes.
        points: (B, K, 3) x, y in pixels and visibility; visibility 0 where they are not known.
        is_labelled: (B, C) bool, of each image.
    """

    xyxy: Tensor
    labels: Tensor
    points: Tensor
    is_labelled: Tensor


def largest_objects(targets: Sequence[Target]) -> LargestObjects:
    """Find the largest object of each image, the first of equal ones."""
    xyxy = torch.stack([target.xyxy.new_zeros(4) for target in targets])
    labels = torch.zeros(len(targets), dtype=torch.int64, device=xyxy.device)
    counts = [target.keypoints.shape[1] for target in targets if target.keypoints is not None]
    points = xyxy.new_zeros(len(targets), max(counts, default=0), 3)
    for image, target in enumerate(targets):
        if not len(target.xyxy):
            continue
        row = (target.xyxy[:, 2:] - target.xyxy[:, :2]).prod(dim=1).argmax()
        xyxy[image], labels[image] = target.xyxy[row], target.class_ids[row] + 1
        if target.keypoints is not None:
            points[image] = target.keypoints[row]
    is_labelled = torch.stack([target.is_labelled for target in targets])
    return LargestObjects(xyxy, labels, points, is_labelled)


def _point_loss(shares: Tensor, found: LargestObjects, hw: tuple[int, int]) -> Tensor:
    """Squared distance of known points, counted in images; mean over images that have any."""
    if not found.points.shape[1]:
        return shares.float().sum() * 0
    wanted = found.points[..., :2] / shares.new_tensor([hw[1], hw[0]]) - 0.5
    is_known = found.points[..., 2] > 0  # (B, K)
    away = (shares.float().view_as(wanted) - wanted).square().sum(dim=2)
    return away[is_known].sum() / is_known.any(dim=1).sum().clamp(min=1)
