"""Fast R-CNN: Girshick, "Fast R-CNN", ICCV 2015.

One pass over the image, RoI Pool of every proposal from the last map (section 2.1), two fully
connected layers, and two siblings: softmax over the classes and the background, and deltas for
each class (figure 1). The proposals come from outside, see detectors/proposals. B images, H W
their size, P proposals of an image, C classes without the background.

Departure: at most `candidates` boxes come to the suppression.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor, nn

from streamdet.networks import nodes
from streamdet.networks.backbones import backbone
from streamdet.networks.box_heads import BoxPredictor, TwoLayerHead
from streamdet.networks.region_proposals import INPUT_NAME, given
from streamdet.networks.suppression import ScoredRegions, SuppressionOptions, suppressed
from streamdet.ops.box_coding import HEAD_WEIGHTS
from streamdet.ops.regions import numbered


class FastRcnnOptions(SuppressionOptions):
    """Options of `FastRcnn`: what the `network` of a model's configuration states."""

    backbone: str = Field(description="Name of a backbone, see networks/backbones.")
    map: str | None = Field(None, description="The map that is pooled from; by default its last.")
    proposals: int = Field(ge=1, description="P: regions that are looked at in an image.")
    side: int = Field(7, ge=1, description="Bins of a region by row and by column.")
    width: int = Field(4096, ge=1, description="Width of the fully connected layers.")


class FastRcnn(nn.Module):
    """Fast R-CNN; see `networks.Network`."""

    Options: ClassVar = FastRcnnOptions
    box_weights: ClassVar = HEAD_WEIGHTS

    def __init__(self, options: FastRcnnOptions, classes: int, hw: tuple[int, int]) -> None:
        """Make the network; images of any size go through, so `hw` is free.

        Raises:
            ValueError: the options name an unknown backbone or map.
        """
        super().__init__()
        self.options = options
        self.extra_inputs = {INPUT_NAME: (options.proposals, 4)}
        self.backbone = backbone(options.backbone, maps=options.map and [options.map])
        [self._map] = self.backbone.maps
        self.box_head = TwoLayerHead(self._map.channels, options.side, options.width)
        self.box_predictor = BoxPredictor(options.width, classes)

    def forward(self, image: Tensor, proposals: Tensor) -> dict[str, Tensor]:
        """Detect.

        Args:
            image: (B, 3, H, W) normalised.
            proposals: (B, P, 4) pixels; see detectors/with_proposals.py.

        Returns:
            The fields of `suppression.Found` by name.
        """
        logits, deltas = self.look_at(self.features(image), proposals)
        regions = ScoredRegions(logits.softmax(dim=2)[..., 1:], deltas)
        hw = (image.shape[2], image.shape[3])
        return suppressed(regions, given(proposals), hw, self.options, self.box_weights)._asdict()

    def features(self, image: Tensor) -> Tensor:
        """Compute the map of (B, 3, H, W) that regions are pooled from."""
        features: Tensor = self.backbone(image)[self._map.name]
        return features

    def look_at(self, features: Tensor, xyxy: Tensor) -> tuple[Tensor, Tensor]:
        """Classify regions (B, P, 4) of a map and say how each class moves them.

        Returns:
            Logits (B, P, C + 1), the background first, and deltas (B, P, C, 4), see
            `box_weights`.
        """
        stride, side = self._map.stride, self.options.side
        pooled = nodes.pool_rois(numbered(xyxy), features, stride=stride, output_side=side)
        logits, deltas = (
            values.unflatten(0, xyxy.shape[:2])
            for values in self.box_predictor(self.box_head(pooled))
        )
        return logits, deltas[:, :, 1:]
