"""Mask R-CNN: He, Gkioxari, Dollar, Girshick, "Mask R-CNN", ICCV 2017.

Faster R-CNN with RoI Align and a branch more on the regions: a mask for each class (section 3,
figure 4, right), or a heatmap for each keypoint of a person (section 5). Weights are named as in
torchvision, so its published ones load unchanged. B images, H and W their size, K detections of an
image, C classes without the background, M cells of a mask by row and by column, P keypoints, R =
B * K regions.

Departure: the branches look at all K rows of detections, also at those that mean nothing, so that
every shape is fixed. Fewer `detections` make them faster, as does a narrower branch (`mask_width`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from streamdet.networks.convolutions import relu_convolutions
from streamdet.networks.faster_rcnn import FasterRcnn, FasterRcnnOptions, RoiHeads, border
from streamdet.networks.feature_maps import make_backbone
from streamdet.networks.region_proposals import RegionProposals
from streamdet.networks.suppression import Found
from streamdet.ops.heatmap_points import heatmap_points
from streamdet.ops.take_rows import take_rows

_SIDE: Final = 14  # bins of a region by row and by column, for both branches
_MASK_CONVOLUTIONS: Final = 4
_KEYPOINT_WIDTHS: Final = (512,) * 8


class MaskRcnnOptions(FasterRcnnOptions):
    """Options of `MaskRcnn`: what the `network` of a model's configuration states."""

    has_masks: bool = Field(True, description="Whether it has the branch of masks.")
    mask_width: int = Field(256, ge=1, description="Channels in the branch of masks.")
    keypoints: int = Field(0, ge=0, description="Keypoints of an object; 0: no such branch.")


class MaskRcnn(nn.Module):
    """Mask R-CNN; see `networks.Network`."""

    Options: ClassVar = MaskRcnnOptions
    former_names: ClassVar[Mapping[str, str]] = {
        **FasterRcnn.former_names,
        **{
            f"roi_heads.mask_head.mask_fcn{number + 1}.{kind}": (
                f"roi_heads.mask_head.{number}.0.{kind}"
            )
            for number in range(_MASK_CONVOLUTIONS)
            for kind in ("weight", "bias")
        },
    }

    def __init__(self, options: MaskRcnnOptions, classes: int, hw: tuple[int, int]) -> None:
        """Make the network; its anchors follow from the images that come, so `hw` is free.

        Raises:
            ValueError: as `FasterRcnn`.
        """
        super().__init__()
        self.extra_inputs: dict[str, tuple[int, ...]] = {}
        self.options = options
        self.backbone = make_backbone(options)
        channels = self.backbone.out_channels
        self.rpn = RegionProposals(options.rpn, channels)
        self.roi_heads = RoiHeads(options, self.backbone, classes)
        branches: dict[str, nn.Module] = {}
        if options.has_masks:
            norm = nn.BatchNorm2d if options.has_head_norm else None
            widths = [options.mask_width] * _MASK_CONVOLUTIONS
            branches["mask_head"] = nn.Sequential(*relu_convolutions(channels, widths, norm))
            branches["mask_predictor"] = _mask_predictor(options.mask_width, classes)
        if options.keypoints:
            branches["keypoint_head"] = _keypoint_head(channels)
            branches["keypoint_predictor"] = KeypointPredictor(options.keypoints)
        for name, branch in branches.items():
            _initialize(branch)
            self.roi_heads.add_module(name, branch)

    def forward(self, image: Tensor, valid_hw: Tensor | None = None) -> dict[str, Tensor]:
        """Detect.

        Args:
            image: (B, 3, H, W) normalised.
            valid_hw: as `FasterRcnn.forward`.

        Returns:
            The fields of `Found` by name; masks (B, K, M, M), probabilities inside the box;
            keypoints (B, K, P, 3), x, y in pixels and the logit there. A branch that the options
            leave out gives nothing.
        """
        hw = (image.shape[2], image.shape[3])
        maps = [*self.backbone(image).values()]
        clip_hw = border(image, valid_hw)
        proposals = self.rpn.propose(self.rpn(hw, maps), clip_hw)
        found = self.roi_heads.detect(maps, proposals, clip_hw)
        outputs = found._asdict()
        if self.options.has_masks:
            outputs["masks"] = self._masks(maps, found)
        if self.options.keypoints:
            outputs["keypoints"] = self._keypoints(maps, found, hw)
        return outputs

    def branch(self, name: str, maps: Sequence[Tensor], boxes: Tensor) -> Tensor:
        """Run the branch "mask" or "keypoint" on regions (B, K, 4): logits (R, channels, M, M)."""
        head, predictor = (
            self.roi_heads.get_submodule(f"{name}_{part}") for part in ("head", "predictor")
        )
        output: Tensor = predictor(head(self.roi_heads.pool(maps, boxes, _SIDE)))
        return output

    def _masks(self, maps: Sequence[Tensor], found: Found) -> Tensor:
        logits = self.branch("mask", maps, found.boxes)
        own = take_rows(logits, found.class_ids.view(-1, 1) + 1)  # (R, 1, M, M)
        return own.sigmoid().view(*found.scores.shape, *own.shape[2:])

    def _keypoints(self, maps: Sequence[Tensor], found: Found, hw: tuple[int, int]) -> Tensor:
        heatmaps = self.branch("keypoint", maps, found.boxes)
        points = heatmap_points(heatmaps, found.boxes.flatten(0, 1), hw)
        return points.view(*found.scores.shape, *points.shape[1:])


class KeypointPredictor(nn.Module):
    """Heatmaps of keypoints: a transposed convolution, then twice as large (section 5)."""

    def __init__(self, keypoints: int) -> None:
        """Make it for so many keypoints."""
        super().__init__()
        self.kps_score_lowres = nn.ConvTranspose2d(
            _KEYPOINT_WIDTHS[-1], keypoints, 4, stride=2, padding=1
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map (R, channels, S, S) to logits (R, P, 4 S, 4 S)."""
        heatmaps = self.kps_score_lowres(features)
        return functional.interpolate(
            heatmaps, scale_factor=2.0, mode="bilinear", align_corners=False
        )


def _mask_predictor(channels: int, classes: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv5_mask=nn.ConvTranspose2d(channels, channels, 2, stride=2),
            relu=nn.ReLU(),
            mask_fcn_logits=nn.Conv2d(channels, classes + 1, 1),
        )
    )


def _keypoint_head(channels: int) -> nn.Sequential:
    """Eight 3x3 convolutions, each with a ReLU: flat, as torchvision names them."""
    blocks = relu_convolutions(channels, _KEYPOINT_WIDTHS)
    return nn.Sequential(*(layer for block in blocks for layer in block.children()))


def _initialize(branch: nn.Module) -> None:
    for layer in branch.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
