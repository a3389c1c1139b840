"""The RPN's losses: Ren, He, Girshick, Sun, "Faster R-CNN", 2015, sections 3.1.2 and 3.1.3.

An anchor is positive where it overlaps an object by 0.7 or more, or overlaps it most of all
anchors; negative below 0.3; neither in between. Where an image's source labels only some classes,
an anchor without an object may hold one of the others: it is not negative.

Departures, both with torchvision: objectness is one logit an anchor; both losses are divided by the
number of anchors sampled (section 3.1.2: about equal weights). Anchors that cross the border are
trained (FPN, section 4.1), unless the options say otherwise. B images, N anchors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from streamdet.config.options import Options
from streamdet.networks.region_proposals import AnchorPredictions
from streamdet.networks.rpn import Rpn
from streamdet.ops.box_coding import encode_boxes
from streamdet.ops.boxes import clip_boxes
from streamdet.training.matching import Assignment, best_overlaps, is_in_ignored, sampled
from streamdet.training.target import Target, of_labelled_classes

_POSITIVE_SHARE: Final = 0.5
_BETA: Final = 1 / 9  # where smooth L1 turns from square to linear; as in the first release


class AnchorOptions(Options):
    """How the RPN is trained."""

    anchors: int = Field(256, ge=1, description="Most anchors of an image that are trained.")
    anchor_positive: float = Field(
        0.7, ge=0, le=1, description="Overlap from which an anchor has an object."
    )
    anchor_negative: float = Field(
        0.3, ge=0, le=1, description="Overlap below which an anchor has none."
    )
    has_crossing_anchors: bool = Field(
        True, description="Train anchors that cross the image's border; the paper does not."
    )


class RpnObjective:
    """The losses of an RPN alone; see `Objective`."""

    Options: ClassVar = AnchorOptions

    def __init__(self, network: Rpn, options: AnchorOptions) -> None:
        """Join the network and the options."""
        self.generator = torch.Generator()
        self._network = network
        self._options = options

    def __call__(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Compute rpn_objectness and rpn_box."""
        hw = (images.shape[2], images.shape[3])
        predictions = self._network.rpn(hw, [*self._network.backbone(images).values()])
        sure = [of_labelled_classes(target) for target in targets]
        return anchor_losses(joined(predictions), sure, hw, self._options, self.generator)


def joined(levels: Sequence[AnchorPredictions]) -> AnchorPredictions:
    """Join the predictions of all maps, in float32."""
    return AnchorPredictions(
        torch.cat([level.anchors for level in levels]),
        torch.cat([level.logits for level in levels], dim=1).float(),
        torch.cat([level.deltas for level in levels], dim=1).float(),
    )


def anchor_losses(
    predictions: AnchorPredictions,
    targets: Sequence[Target],
    hw: tuple[int, int],
    options: AnchorOptions,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Compute the RPN's losses: sums over the anchors sampled, divided by their number.

    Args:
        predictions: of all maps.
        targets: of each image; every class of an object is labelled.
        hw: height and width of the images, pixels.
        options: thresholds and numbers.
        generator: draws.

    Returns:
        rpn_objectness, rpn_box.
    """
    assignments = [
        assign_anchors(predictions.anchors, target, hw, options, generator) for target in targets
    ]
    is_positive = torch.stack([each.is_positive for each in assignments])  # (B, N)
    is_trained = is_positive | torch.stack([each.is_negative for each in assignments])
    wanted = [
        encode_boxes(target.xyxy[each.row[each.is_positive]], predictions.anchors[each.is_positive])
        for target, each in zip(targets, assignments, strict=True)
    ]
    objectness = functional.binary_cross_entropy_with_logits(
        predictions.logits[is_trained], is_positive[is_trained].float(), reduction="sum"
    )
    box = functional.smooth_l1_loss(
        predictions.deltas[is_positive], torch.cat(wanted), beta=_BETA, reduction="sum"
    )
    count = is_trained.sum().clamp(min=1)
    return {"rpn_objectness": objectness / count, "rpn_box": box / count}


def assign_anchors(
    anchors: Tensor,
    target: Target,
    hw: tuple[int, int],
    options: AnchorOptions,
    generator: torch.Generator,
) -> Assignment:
    """Tell which of the anchors (N, 4) of one image are trained, and as what."""
    is_usable = _is_within(anchors, hw) | options.has_crossing_anchors
    overlaps = best_overlaps(torch.where(is_usable[:, None], anchors, 0.0), target.xyxy)
    is_positive = (overlaps.iou >= options.anchor_positive) | overlaps.is_best
    is_empty = ~is_positive & (overlaps.iou < options.anchor_negative) & is_usable
    is_negative = is_empty & ~is_in_ignored(anchors, target.ignored) & target.is_labelled.all()
    return sampled(
        Assignment(overlaps.row, is_positive, is_negative),
        options.anchors,
        _POSITIVE_SHARE,
        generator,
    )


def _is_within(anchors: Tensor, hw: tuple[int, int]) -> Tensor:
    """Mark the anchors (N, 4) that do not cross the border of an image: (N,) bool."""
    return (clip_boxes(anchors, hw) == anchors).all(dim=1)
