"""R-CNN: Girshick et al., "Rich feature hierarchies for accurate object detection", CVPR 2014.

The network sees one warped region an image (detectors/rcnn.py makes the crops) and says what it
is and where its object's box is. B regions, H W their size, C classes without the background.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from streamdet.config.options import Options
from streamdet.networks.backbones import backbone
from streamdet.networks.backbones.backbone import Backbone
from streamdet.networks.region_head import Classifier, RegionHead
from streamdet.ops.box_coding import UNIT_WEIGHTS, decode_boxes


class RegionCnnOptions(Options):
    """Options of `RegionCnn`: what the `network` of a model's configuration states."""

    backbone: str = Field(description="Name of a backbone, see networks/backbones.")
    map: str | None = Field(None, description="The map that is read; by default its last.")
    width: int = Field(4096, ge=1, description="Width of the fully connected layers.")
    classifier: Classifier = Field("svm", description="Linear SVMs, or softmax.")


class RegionCnn(nn.Module):
    """R-CNN's network; see `networks.Network`. Its second input is the box that each region was.

    Attributes:
        hw: height and width of a region, pixels.
    """

    Options: ClassVar = RegionCnnOptions
    box_weights: ClassVar = UNIT_WEIGHTS

    def __init__(self, options: RegionCnnOptions, classes: int, hw: tuple[int, int]) -> None:
        """Make the network for regions of `hw` pixels.

        Raises:
            ValueError: the options name an unknown backbone or map.
        """
        super().__init__()
        self.options = options
        self.extra_inputs = {"proposal": (4,)}
        self.hw = hw
        self.backbone = backbone(options.backbone, maps=options.map and [options.map])
        self.head = RegionHead(
            _features_of(self.backbone, hw), options.width, classes, options.classifier
        )

    def forward(self, image: Tensor, proposal: Tensor) -> dict[str, Tensor]:
        """Look at each region.

        Args:
            image: (B, 3, H, W) normalised, the warped regions.
            proposal: (B, 4) xyxy, pixels of the image that they were cut from.

        Returns:
            scores: (B, C), 0..1.
            boxes: (B, C, 4) xyxy, pixels of that image, not clipped.
        """
        margins, deltas = self.look_at(image)
        boxes = decode_boxes(deltas, proposal[:, None], self.box_weights)
        return {"scores": self.head.scores(margins), "boxes": boxes}

    def look_at(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Classify warped regions (B, 3, H, W) and say how each class moves them.

        Returns:
            Margins (B, C or C + 1) of `RegionHead`, and deltas (B, C, 4), see `box_weights`.
        """
        return self.head.look_at(self.features(image))

    def features(self, image: Tensor) -> Tensor:
        """Compute what the head sees of warped regions (B, 3, H, W): (B, F)."""
        [features] = self.backbone(image).values()
        return torch.flatten(features, 1)


def _features_of(body: Backbone, hw: tuple[int, int]) -> int:
    """Count the numbers of the map of one region."""
    training = body.training
    with torch.no_grad():
        [features] = body.eval()(torch.zeros(1, 3, *hw)).values()
    body.train(training)
    return int(features.numel())
