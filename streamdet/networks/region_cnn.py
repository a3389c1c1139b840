"""R-CNN: Girshick et al., "Rich feature hierarchies for accurate object detection", CVPR 2014.

The network sees one warped region a picture (detectors/rcnn.py makes the crops) and says what it
is and where its object's box is. B regions, H W their size, C classes without the background.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from streamdet.networks.backbones import backbone
from streamdet.networks.backbones.backbone import Backbone
from streamdet.networks.region_head import Classifier, RegionHead
from streamdet.ops.box_coding import decode_boxes
from streamdet.options import Options


class RegionCnnOptions(Options):
    """Options of `RegionCnn`: what the `network` of a model's configuration states."""

    backbone: str = Field(description="Name of a backbone, see networks/backbones.")
    map: str | None = Field(None, description="The map that is read; by default its last.")
    width: int = Field(4096, ge=1, description="Width of the fully connected layers.")
    classifier: Classifier = Field("svm", description="Linear SVMs, or softmax.")


class RegionCnn(nn.Module):
    """R-CNN's network; see `networks.Network`. Its second input is the box that each region was."""

    Options: ClassVar = RegionCnnOptions

    def __init__(self, options: RegionCnnOptions, classes: int, hw: tuple[int, int]) -> None:
        """Make the network for regions of `hw` pixels.

        Raises:
            ValueError: the options name an unknown backbone or map.
        """
        super().__init__()
        self.extra_inputs = {"proposal": (4,)}
        self.backbone = backbone(options.backbone, maps=options.map and [options.map])
        self.head = RegionHead(
            _features_of(self.backbone, hw), options.width, classes, options.classifier
        )

    def forward(self, image: Tensor, proposal: Tensor) -> dict[str, Tensor]:
        """Look at each region.

        Args:
            image: (B, 3, H, W) normalised, the warped regions.
            proposal: (B, 4) xyxy, pixels of the picture that they were cut from.

        Returns:
            scores: (B, C), 0..1.
            boxes: (B, C, 4) xyxy, pixels of that picture, not clipped.
        """
        [features] = self.backbone(image).values()
        scores, deltas = self.head(features.flatten(1))
        return {"scores": scores, "boxes": decode_boxes(deltas, proposal[:, None])}


def _features_of(body: Backbone, hw: tuple[int, int]) -> int:
    """Count the numbers of the map of one region."""
    training = body.training
    with torch.no_grad():
        [features] = body.eval()(torch.zeros(1, 3, *hw)).values()
    body.train(training)
    return int(features.numel())
