"""What looks at pooled regions in Fast and Faster R-CNN: features, then class and box.

Girshick, "Fast R-CNN", 2015, section 2.1: layers that both tasks share, then two siblings. Weights
are named as in torchvision's detectors. R regions, C channels, S bins of a region by row and by
column, K classes without the background.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from streamdet.networks.backbones.normalization import Norm
from streamdet.networks.convolutions import relu_convolutions

_CONVOLUTIONS: Final = 4


class TwoLayerHead(nn.Module):
    """Two fully connected layers: the fc6 and fc7 of AlexNet and VGG (FPN, section 4.2: 1024)."""

    def __init__(self, in_channels: int, side: int, width: int) -> None:
        """Make it for regions (in_channels, side, side)."""
        super().__init__()
        self.fc6 = nn.Linear(in_channels * side * side, width)
        self.fc7 = nn.Linear(width, width)

    def forward(self, regions: Tensor) -> Tensor:
        """Map (R, C, S, S) to (R, width)."""
        return torch.relu(self.fc7(torch.relu(self.fc6(regions.flatten(1)))))


class ConvolutionalHead(nn.Sequential):
    """Four 3x3 convolutions and one fully connected layer: (R, C, S, S) to (R, width).

    Wu, He, "Group Normalization", 2018, section 4.2 ("4conv1fc"); here with any norm or none.
    """

    def __init__(self, in_channels: int, side: int, width: int, norm: Norm | None) -> None:
        """Make it for regions (in_channels, side, side)."""
        convolutions = relu_convolutions(in_channels, [in_channels] * _CONVOLUTIONS, norm)
        for block in convolutions:
            for layer in block.modules():
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        layer = nn.Linear(in_channels * side * side, width)
        super().__init__(*convolutions, nn.Flatten(), layer, nn.ReLU())


class BoxPredictor(nn.Module):
    """The two siblings: scores of the classes and the background, and deltas for each class."""

    def __init__(self, width: int, classes: int) -> None:
        """Make them for `classes` without the background."""
        super().__init__()
        self.cls_score = nn.Linear(width, classes + 1)
        self.bbox_pred = nn.Linear(width, 4 * (classes + 1))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Predict from (R, width); the first of the classes is the background.

        Returns:
            Logits (R, K + 1) and deltas (R, K + 1, 4).
        """
        return self.cls_score(features), self.bbox_pred(features).unflatten(1, (-1, 4))
