"""One object, and exactly K points of it: its class and its box from the same features.

Localization by regression: Sermanet et al., "OverFeat", ICLR 2014, section 4 (one box for all
classes, or one a class); Girshick et al., R-CNN, 2014, appendix C has the coding of the box. Points
by regression: Toshev, Szegedy, "DeepPose", CVPR 2014, section 3.1: x and y of each, counted from
the middle of the image in its width and height. B images, C classes, K points.

Departures from DeepPose: points need no person's box, and there is one stage, no cascade. It gives
no score of a point; a point gets the object's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from streamdet.config.options import Options
from streamdet.networks.backbones import backbone
from streamdet.ops.box_coding import decode_boxes
from streamdet.ops.take_rows import take_rows


class LocalizerOptions(Options):
    """Options of `Localizer`: what the `network` of a model's configuration states."""

    backbone: str = Field(description="Name of a backbone, see networks/backbones.")
    map: str | None = Field(None, description="The map that is read; by default its last.")
    widths: tuple[int, ...] = Field(
        (4096, 4096), description="Widths of the fully connected layers that the heads share."
    )
    boxes: Literal["shared", "per_class"] = Field(
        "per_class", description="4 numbers for whatever class it is, or C x 4."
    )
    keypoints: int = Field(0, ge=0, description="K: points of the object.")
    has_background: bool = Field(
        False, description="Whether a further class says that there is no object."
    )


class Localizer(nn.Module):
    """Classification head and box regression head; see `networks.Network`."""

    Options: ClassVar = LocalizerOptions

    def __init__(self, options: LocalizerOptions, classes: int, hw: tuple[int, int]) -> None:
        """Make the network for images of `hw`.

        Raises:
            ValueError: the options name an unknown backbone or map.
        """
        super().__init__()
        self.extra_inputs: dict[str, tuple[int, ...]] = {}
        self.options = options
        maps = options.map and [options.map]
        self.backbone = backbone(options.backbone, maps=maps)
        with torch.device("meta"):  # shapes without arithmetic
            [features] = backbone(options.backbone, maps=maps)(torch.zeros(1, 3, *hw)).values()
        self.layers, width = _fully_connected(features.numel(), options.widths)
        self.class_head = nn.Linear(width, classes + int(options.has_background))
        self.box_head = nn.Linear(width, 4 * (classes if options.boxes == "per_class" else 1))
        self.point_head = nn.Linear(width, 2 * options.keypoints) if options.keypoints else None

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Detect.

        Args:
            image: (B, 3, H, W) normalised.

        Returns:
            What detectors/end_to_end.py lists, one row an image; `keypoints` (B, 1, K, 3) where
            there are any.
        """
        features = self.features(image)
        probabilities = self.class_head(features).softmax(dim=1)
        if self.options.has_background:
            probabilities = probabilities[:, 1:]
        scores, class_ids = probabilities.max(dim=1, keepdim=True)
        found = {
            "boxes": self._boxes(features, class_ids, (image.shape[2], image.shape[3])),
            "scores": scores,
            "class_ids": class_ids,
            "counts": torch.ones_like(class_ids[:, 0]),
        }
        if self.point_head is not None:
            shares = self.point_head(features).unflatten(1, (1, -1, 2))
            found["keypoints"] = _points(shares, scores, (image.shape[2], image.shape[3]))
        return found

    def features(self, image: Tensor) -> Tensor:
        """Compute what the heads read of (B, 3, H, W): (B, the last of the widths)."""
        [features] = self.backbone(image).values()
        shared: Tensor = self.layers(features.flatten(1))
        return shared

    def _boxes(self, features: Tensor, class_ids: Tensor, hw: tuple[int, int]) -> Tensor:
        """Boxes (B, 1, 4) in pixels: deltas from the whole image, those of the class found."""
        deltas = self.box_head(features).unflatten(1, (-1, 4))
        if self.options.boxes == "per_class":
            deltas = take_rows(deltas, class_ids)
        return decode_boxes(deltas, torch.tensor([0.0, 0.0, hw[1], hw[0]], device=deltas.device))


def _points(shares: Tensor, scores: Tensor, hw: tuple[int, int]) -> Tensor:
    """Turn shares (B, 1, K, 2) from the middle of the image into points (B, 1, K, 3) in pixels.

    The inverse of (x, y) / (width, height) - 0.5; scores (B, 1) become those of the points.
    """
    xy = (shares + 0.5) * torch.tensor([hw[1], hw[0]], dtype=shares.dtype, device=shares.device)
    point_scores = scores[:, :, None, None].expand(-1, -1, shares.shape[2], -1)
    return torch.cat((xy, point_scores), dim=-1)


def _fully_connected(features: int, widths: Sequence[int]) -> tuple[nn.Sequential, int]:
    """Make layers with ReLU and dropout, as AlexNet's; also the width of what comes out."""
    layers = nn.Sequential()
    for width in widths:
        layers.extend([nn.Linear(features, width), nn.ReLU(), nn.Dropout()])
        features = width
    return layers, features
