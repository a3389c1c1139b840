"""Faster R-CNN: Ren, He, Girshick, Sun, "Towards Real-Time Object Detection", 2015.

One network: a backbone, region proposals from its maps (section 3.1), and Fast R-CNN's head on the
proposals (section 3.2), on one map or on a pyramid (Lin et al., FPN, 2017, section 4). Weights are
named as in torchvision, so its published ones load unchanged. B images, H W their size, P
proposals and K detections of an image, C classes without the background.

Departures from the paper, all but the first with torchvision: at most `candidates` boxes come to
the last suppression; RoI Align where the options do not say otherwise; class-specific boxes are
weighted 10, 10, 5, 5; 300 proposals by default, as the paper tests with, while the published
configurations state their own number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from streamdet.networks import nodes
from streamdet.networks.box_heads import BoxPredictor, ConvolutionalHead, TwoLayerHead
from streamdet.networks.feature_maps import FeatureOptions, SingleMap, make_backbone
from streamdet.networks.fpn import BackboneWithFpn
from streamdet.networks.region_proposals import Proposals, RegionProposalOptions, RegionProposals
from streamdet.networks.suppression import Found, ScoredRegions, SuppressionOptions, suppressed
from streamdet.ops.regions import numbered


class FasterRcnnOptions(FeatureOptions, SuppressionOptions):
    """Options of `FasterRcnn`: what the `network` of a model's configuration states."""

    rpn: RegionProposalOptions = Field(description="Region proposals.")
    pooling: Literal["align", "pool"] = Field(
        "align", description="RoI Align, or the paper's RoI Pool, which reads one map."
    )
    box_head: Literal["two_layers", "convolutional"] = Field(
        "two_layers", description="Two fully connected layers, or four convolutions and one."
    )
    box_width: int = Field(1024, ge=1, description="Width of the fully connected layers.")
    side: int = Field(7, ge=1, description="Bins of a region by row and by column.")


class FasterRcnn(nn.Module):
    """Faster R-CNN; see `networks.Network`."""

    Options: ClassVar = FasterRcnnOptions
    former_names: ClassVar[Mapping[str, str]] = {
        f"rpn.head.conv.{kind}": f"rpn.head.conv.0.0.{kind}" for kind in ("weight", "bias")
    }

    def __init__(self, options: FasterRcnnOptions, classes: int, hw: tuple[int, int]) -> None:
        """Make the network; its anchors follow from the images that come, so `hw` is free.

        Raises:
            ValueError: the options name an unknown backbone or map, or do not fit together.
        """
        super().__init__()
        self.extra_inputs: dict[str, tuple[int, ...]] = {}
        self.backbone = make_backbone(options)
        self.rpn = RegionProposals(options.rpn, self.backbone.out_channels)
        self.roi_heads = RoiHeads(options, self.backbone, classes)

    def forward(self, image: Tensor, valid_hw: Tensor | None = None) -> dict[str, Tensor]:
        """Detect.

        Args:
            image: (B, 3, H, W) normalised.
            valid_hw: (B, 2) height and width of each image without its padding, which boxes are
                clipped to; None: H and W.

        Returns:
            The fields of `suppression.Found` by name.
        """
        maps = [*self.backbone(image).values()]
        hw = border(image, valid_hw)
        proposals = self.rpn.propose(self.rpn((image.shape[2], image.shape[3]), maps), hw)
        return self.roi_heads.detect(maps, proposals, hw)._asdict()


def border(image: Tensor, valid_hw: Tensor | None) -> tuple[int, int] | tuple[Tensor, Tensor]:
    """What boxes (B, N, 4) of images (B, 3, H, W) are clipped to; see ops.boxes.clip_boxes."""
    if valid_hw is None:
        return image.shape[2], image.shape[3]
    return valid_hw[:, 0, None, None], valid_hw[:, 1, None, None]


class RoiHeads(nn.Module):
    """Fast R-CNN's part: classes and boxes of proposals."""

    def __init__(
        self, options: FasterRcnnOptions, features: BackboneWithFpn | SingleMap, classes: int
    ) -> None:
        """Make the heads for the maps of `features`.

        Raises:
            ValueError: RoI Pool is wanted of several maps.
        """
        super().__init__()
        self.options = options
        self.strides = _pooled_strides(features)
        if options.pooling == "pool" and len(self.strides) > 1:
            raise ValueError(f"RoI Pool reads one map, got {len(self.strides)}")
        self.box_head = _box_head(options, features.out_channels)
        self.box_predictor = BoxPredictor(options.box_width, classes)

    def pool(self, maps: Sequence[Tensor], xyxy: Tensor, side: int) -> Tensor:
        """Pool regions (B, P, 4) out of the maps into (B * P, channels, side, side)."""
        rois = numbered(xyxy)
        if self.options.pooling == "pool":
            return nodes.pool_rois(rois, maps[0], stride=self.strides[0], output_side=side)
        levels = maps[: len(self.strides)]
        return nodes.multi_level_roi_align(rois, levels, strides=self.strides, output_side=side)

    def forward(self, maps: Sequence[Tensor], xyxy: Tensor) -> tuple[Tensor, Tensor]:
        """Classify regions and refine their boxes.

        Args:
            maps: of the backbone.
            xyxy: (B, P, 4) pixels.

        Returns:
            Logits (B, P, C + 1), the background first, and deltas (B, P, C + 1, 4).
        """
        features = self.box_head(self.pool(maps, xyxy, self.options.side))
        logits, deltas = self.box_predictor(features)
        rows = xyxy.shape[:2]
        return logits.view(*rows, -1), deltas.view(*rows, -1, 4)

    def detect(
        self,
        maps: Sequence[Tensor],
        proposals: Proposals,
        hw: tuple[int, int] | tuple[Tensor, Tensor],
    ) -> Found:
        """Turn proposals into detections, clipped to `hw`: the best boxes, suppressed by class."""
        logits, deltas = self(maps, proposals.xyxy)
        regions = ScoredRegions(logits.softmax(dim=2)[..., 1:], deltas[:, :, 1:])
        return suppressed(regions, proposals, hw, self.options)


def _pooled_strides(features: BackboneWithFpn | SingleMap) -> list[int]:
    """Strides of the maps that regions are pooled from.

    The level formula (FPN, equation 1) counts octaves from the finest map: of MobileNetV3's two
    maps of one stride it never names the second, nor the pooled map above any pyramid.
    """
    strides = [stride for name, stride in features.strides.items() if name != "pool"]
    octaves = strides[-1].bit_length() - strides[0].bit_length()
    return strides[: octaves + 1]


def _box_head(options: FasterRcnnOptions, channels: int) -> nn.Module:
    if options.box_head == "two_layers":
        return TwoLayerHead(channels, options.side, options.box_width)
    norm = nn.BatchNorm2d if options.has_head_norm else None
    return ConvolutionalHead(channels, options.side, options.box_width, norm)
