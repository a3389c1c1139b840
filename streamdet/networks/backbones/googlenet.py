"""GoogLeNet: Szegedy, Liu, Jia and others, "Going Deeper with Convolutions", CVPR 2015.

Table 1 and figure 2b. Departures, all with torchvision, whose published weights expect them: batch
norm after each convolution instead of response normalisation; the branch named "5x5" has a 3x3
kernel; no auxiliary classifiers (their keys aux1.* and aux2.* serve training alone). Those weights
want RGB / 127.5 - 1, not ImageNet's mean and deviation.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn

from streamdet.networks.backbones.architecture import Architecture, FeatureMap, Layers
from streamdet.networks.backbones.convolution import initialize
from streamdet.networks.backbones.normalization import Norm


def _convolution(
    in_channels: int, out_channels: int, kernel: int, norm: Norm, stride: int = 1
) -> nn.Sequential:
    convolution = nn.Conv2d(
        in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False
    )
    return nn.Sequential(OrderedDict(conv=convolution, bn=norm(out_channels), relu=nn.ReLU()))


class Inception(nn.Module):
    """Four views of a map side by side (figure 2b)."""

    def __init__(self, in_channels: int, widths: tuple[int, ...], norm: Norm) -> None:
        """Make the branches of a row of table 1.

        Args:
            in_channels: of the map.
            widths: the row's #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5 and pool proj.
            norm: after each convolution.
        """
        super().__init__()
        one, reduce_three, three, reduce_five, five, projection = widths
        self.branch1 = _convolution(in_channels, one, 1, norm)
        self.branch2 = nn.Sequential(
            _convolution(in_channels, reduce_three, 1, norm),
            _convolution(reduce_three, three, 3, norm),
        )
        self.branch3 = nn.Sequential(
            _convolution(in_channels, reduce_five, 1, norm),
            _convolution(reduce_five, five, 3, norm),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True),
            _convolution(in_channels, projection, 1, norm),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, #1x1 + #3x3 + #5x5 + pool proj, H, W)."""
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(features) for branch in branches], dim=1)


def layers(norm: Norm) -> Layers:
    """Build conv1 to inception5b."""
    halve = partial(nn.MaxPool2d, 3, stride=2, ceil_mode=True)
    stack: Layers = {
        "conv1": _convolution(3, 64, 7, norm, stride=2),
        "maxpool1": halve(),
        "conv2": _convolution(64, 64, 1, norm),
        "conv3": _convolution(64, 192, 3, norm),
        "maxpool2": halve(),
        "inception3a": Inception(192, (64, 96, 128, 16, 32, 32), norm),
        "inception3b": Inception(256, (128, 128, 192, 32, 96, 64), norm),
        "maxpool3": halve(),
        "inception4a": Inception(480, (192, 96, 208, 16, 48, 64), norm),
        "inception4b": Inception(512, (160, 112, 224, 24, 64, 64), norm),
        "inception4c": Inception(512, (128, 128, 256, 24, 64, 64), norm),
        "inception4d": Inception(512, (112, 144, 288, 32, 64, 64), norm),
        "inception4e": Inception(528, (256, 160, 320, 32, 128, 128), norm),
        "maxpool4": nn.MaxPool2d(2, stride=2, ceil_mode=True),
        "inception5a": Inception(832, (256, 160, 320, 32, 128, 128), norm),
        "inception5b": Inception(832, (384, 192, 384, 48, 128, 128), norm),
    }
    for layer in stack.values():
        initialize(layer)
    return stack


def head(num_classes: int) -> Layers:
    """Build the global mean and the one fully connected layer."""
    return {
        "avgpool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "dropout": nn.Dropout(0.2),
        "fc": nn.Linear(1024, num_classes),
    }


GOOGLENET: Final = Architecture(
    layers=layers,
    head=head,
    maps=(
        FeatureMap("conv3", "conv3", 4, 192),
        FeatureMap("inception3b", "inception3b", 8, 480),
        FeatureMap("inception4e", "inception4e", 16, 832),
        FeatureMap("inception5b", "inception5b", 32, 1024),
    ),
    norm=partial(nn.BatchNorm2d, eps=0.001),
    training_only=("aux1", "aux2"),
)
