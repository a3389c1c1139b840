"""Faster R-CNN: Ren, He, Girshick, Sun, 2015, trained jointly (section 3.2, "approximate joint").

Four losses: objectness and deltas of anchors (region_proposals.py), classes and deltas of the
proposals that follow from them, without a gradient through the proposals. Objects themselves are
proposals too, as in the first release. B images, P regions of an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from streamdet.networks.faster_rcnn import FasterRcnn
from streamdet.networks.mask_rcnn import MaskRcnn
from streamdet.networks.region_proposals import AnchorPredictions
from streamdet.ops.box_coding import HEAD_WEIGHTS
from streamdet.training.objectives.region_proposals import AnchorOptions, anchor_losses, joined
from streamdet.training.region_losses import Regions, choose_regions, region_losses
from streamdet.training.target import Target, of_labelled_classes

_BETA: Final = 1 / 9  # where smooth L1 turns from square to linear; torchvision's, paper: 1


class FasterRcnnObjectiveOptions(AnchorOptions):
    """Options of `FasterRcnnObjective`: Fast R-CNN's, section 2.3, but for more regions (FPN)."""

    before_nms: int = Field(2000, ge=1, description="Most proposals of a map before suppression.")
    after_nms: int = Field(2000, ge=1, description="Most proposals of an image after it.")
    regions: int = Field(512, ge=1, description="Most regions of an image that are trained.")
    positive_share: float = Field(0.25, ge=0, le=1, description="Most of these with an object.")
    region_positive: float = Field(
        0.5, ge=0, le=1, description="Overlap from which a region has an object."
    )
    region_negative: tuple[float, float] = Field(
        (0.0, 0.5), description="Overlap from which and below which it has none; 0.1: the paper's."
    )


class Pass(NamedTuple):
    """One pass over a batch.

    Attributes:
        maps: of the backbone.
        regions: that were trained.
        targets: of each image; every class of an object is labelled.
        losses: the four.
    """

    maps: list[Tensor]
    regions: Regions
    targets: list[Target]
    losses: dict[str, Tensor]


class FasterRcnnObjective:
    """The losses of Faster R-CNN; see `Objective`."""

    Options: ClassVar = FasterRcnnObjectiveOptions

    def __init__(self, network: FasterRcnn | MaskRcnn, options: FasterRcnnObjectiveOptions) -> None:
        """Join the network and the options."""
        self.generator = torch.Generator()
        self._network = network
        self._options = options
        self._sample = (options.regions, options.positive_share)
        self._proposal_options = network.rpn.options.model_copy(
            update={
                "before_nms": options.before_nms,
                "after_nms": options.after_nms,
                "score_thresh": 0.0,
            }
        )

    def __call__(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Compute rpn_objectness, rpn_box, class and box."""
        return self.run(images, targets).losses

    def run(self, images: Tensor, targets: Sequence[Target]) -> Pass:
        """Compute the losses; also what they came from, for the branches of Mask R-CNN."""
        hw = (images.shape[2], images.shape[3])
        sure = [of_labelled_classes(target) for target in targets]
        maps = [*self._network.backbone(images).values()]
        predictions = self._network.rpn(hw, maps)
        losses = anchor_losses(joined(predictions), sure, hw, self._options, self.generator)
        candidates = self._candidates(predictions, sure, hw)
        regions = choose_regions(candidates, sure, self._rule, self._sample, self.generator)
        logits, deltas = self._network.roi_heads(maps, regions.xyxy)
        coding = (HEAD_WEIGHTS, _BETA)
        losses |= region_losses(logits, deltas[:, :, 1:], regions, sure, coding)
        return Pass(maps, regions, sure, losses)

    @torch.no_grad()
    def _candidates(
        self,
        predictions: Sequence[AnchorPredictions],
        targets: Sequence[Target],
        hw: tuple[int, int],
    ) -> list[Tensor]:
        """Proposals and objects of each image: (A, 4)."""
        precise = [
            AnchorPredictions(level.anchors, level.logits.float(), level.deltas.float())
            for level in predictions
        ]
        proposals = self._network.rpn.propose(precise, hw, self._proposal_options)
        return [
            torch.cat((xyxy[is_proposal], target.xyxy))
            for xyxy, is_proposal, target in zip(
                proposals.xyxy, proposals.is_proposal, targets, strict=True
            )
        ]

    def _rule(self, overlap: Tensor) -> tuple[Tensor, Tensor]:
        least, most = self._options.region_negative
        return overlap >= self._options.region_positive, (least <= overlap) & (overlap < most)
