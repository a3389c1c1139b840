"""An RPN alone: it finds objects of any kind, and proposes them to other detectors.

Ren et al., "Faster R-CNN", 2015, section 3.1, on one map, or on a pyramid (Lin et al., FPN, 2017,
section 4.1); see region_proposals.py. Weights are named as in Faster R-CNN, so a trained one's fit.
B images, H W their size, K proposals of an image.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from streamdet.networks.feature_maps import FeatureOptions, make_backbone
from streamdet.networks.region_proposals import RegionProposalOptions, RegionProposals
from streamdet.networks.suppression import Found


class RpnOptions(FeatureOptions, RegionProposalOptions):
    """Options of `Rpn`: what the `network` of a model's configuration states."""


class Rpn(nn.Module):
    """A region proposal network; see `networks.Network`. Its one class is "object"."""

    Options: ClassVar = RpnOptions

    def __init__(self, options: RpnOptions, classes: int, hw: tuple[int, int]) -> None:
        """Make the network; its anchors follow from the images that come, so `hw` is free.

        Raises:
            ValueError: the options name an unknown backbone or map, or do not fit together, or
                `classes` is not 1.
        """
        super().__init__()
        if classes != 1:
            raise ValueError(f"an RPN has one class, got {classes}")
        self.extra_inputs: dict[str, tuple[int, ...]] = {}
        self.backbone = make_backbone(options)
        self.rpn = RegionProposals(options, self.backbone.out_channels)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Propose regions of (B, 3, H, W), normalised.

        Returns:
            The fields of `suppression.Found` by name; a score is the objectness.
        """
        hw = (image.shape[2], image.shape[3])
        predictions = self.rpn(hw, [*self.backbone(image).values()])
        proposals = self.rpn.propose(predictions, hw)
        return Found(
            proposals.xyxy,
            proposals.scores,
            torch.zeros_like(proposals.is_proposal, dtype=torch.int64),
            proposals.is_proposal.sum(dim=1),
        )._asdict()
