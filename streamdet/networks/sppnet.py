"""SPP-net: He, Zhang, Ren, Sun, "Spatial Pyramid Pooling in Deep Convolutional Networks", 2014.

One pass over the image; every proposal is projected onto the last map, and a pyramid of grids
pools it into as many numbers, whatever its size (sections 2.2 and 4.1). Fully connected layers,
SVMs and a box regressor look at these. With one level this is Fast R-CNN's RoI Pool, but for the
projection. B images, H W their size, P proposals of an image, C classes without the background.

Departures: one scale of the image, not the best of five (section 4.1) for each proposal; at most
`candidates` boxes come to the suppression.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from streamdet.networks import nodes
from streamdet.networks.backbones import backbone
from streamdet.networks.cell_centres import first_centre
from streamdet.networks.region_head import Classifier, RegionHead
from streamdet.networks.region_proposals import INPUT_NAME, given
from streamdet.networks.suppression import ScoredRegions, SuppressionOptions, suppressed
from streamdet.ops.box_coding import UNIT_WEIGHTS
from streamdet.ops.regions import numbered
from streamdet.ops.spatial_pyramid import project_rois


class SppNetOptions(SuppressionOptions):
    """Options of `SppNet`: what the `network` of a model's configuration states."""

    backbone: str = Field(description="Name of a backbone, see networks/backbones.")
    map: str | None = Field(None, description="The map that is pooled from; by default its last.")
    proposals: int = Field(ge=1, description="P: regions that are looked at in an image.")
    levels: tuple[int, ...] = Field(
        (1, 2, 3, 6), min_length=1, description="Bins by row and by column of each level."
    )
    width: int = Field(4096, ge=1, description="Width of the fully connected layers.")
    classifier: Classifier = Field("svm", description="Linear SVMs, or softmax.")


class SppNet(nn.Module):
    """SPP-net; see `networks.Network`."""

    Options: ClassVar = SppNetOptions
    box_weights: ClassVar = UNIT_WEIGHTS

    def __init__(self, options: SppNetOptions, classes: int, hw: tuple[int, int]) -> None:
        """Make the network; images of any size go through, so `hw` is free.

        Of a backbone with SAME padding, `hw` says where the cells are centred.

        Raises:
            ValueError: the options name an unknown backbone or map, or one whose cells are not
                centred evenly.
        """
        super().__init__()
        self.options = options
        self.extra_inputs = {INPUT_NAME: (options.proposals, 4)}
        self.backbone = backbone(options.backbone, maps=options.map and [options.map])
        [self._map] = self.backbone.maps
        self._first_centre = first_centre(self.backbone, hw)
        features = self._map.channels * sum(side * side for side in options.levels)
        self.head = RegionHead(features, options.width, classes, options.classifier)

    def forward(self, image: Tensor, proposals: Tensor) -> dict[str, Tensor]:
        """Detect.

        Args:
            image: (B, 3, H, W) normalised.
            proposals: (B, P, 4) pixels; see detectors/with_proposals.py.

        Returns:
            The fields of `suppression.Found` by name.
        """
        margins, deltas = self.look_at(self.features(image), proposals)
        return suppressed(
            ScoredRegions(self.head.scores(margins), deltas),
            given(proposals),
            (image.shape[2], image.shape[3]),
            self.options,
            self.box_weights,
        )._asdict()

    def features(self, image: Tensor) -> Tensor:
        """Compute the map of (B, 3, H, W) that regions are pooled from."""
        features: Tensor = self.backbone(image)[self._map.name]
        return features

    def look_at(self, features: Tensor, xyxy: Tensor) -> tuple[Tensor, Tensor]:
        """Classify regions (B, P, 4) of a map and say how each class moves them.

        Returns:
            Margins (B, P, C or C + 1) of `RegionHead`, and deltas (B, P, C, 4), see `box_weights`.
        """
        margins, deltas = self.head.look_at(self.pyramid(features, xyxy))
        rows = xyxy.shape[:2]
        return margins.view(*rows, -1), deltas.view(*rows, -1, 4)

    def pyramid(self, features: Tensor, xyxy: Tensor) -> Tensor:
        """Pool regions (B, P, 4), pixels: ops.spatial_pyramid of the cells of each, by our nodes.

        Returns:
            (B * P, channels x bins).
        """
        windows = project_rois(
            numbered(xyxy), features.shape[2:], stride=self._map.stride, centre=self._first_centre
        )
        cells = torch.cat((windows[:, :3], windows[:, 3:] - 1), dim=1).to(features.dtype)
        pooled = [
            nodes.pool_rois(cells, features, stride=1, output_side=side)
            for side in self.options.levels
        ]
        return torch.cat([level.permute(0, 2, 3, 1).flatten(1) for level in pooled], dim=1)
