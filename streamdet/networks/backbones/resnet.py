"""ResNet: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.

Figure 3 and table 1; layer1..4 are the paper's conv2_x..conv5_x. One departure, with torchvision:
of a bottleneck that halves the map the 3x3 convolution has the stride, not the first 1x1 ("v1.5"),
which sees every cell of the map. The published weights expect it.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from torch import Tensor, nn

from streamdet.networks.backbones.architecture import Architecture, FeatureMap, Layers
from streamdet.networks.backbones.convolution import conv_norm, initialize, padded_conv
from streamdet.networks.backbones.normalization import Norm


class BasicBlock(nn.Module):
    """y = relu(F(x) + x) with F two 3x3 convolutions (equations 1 and 2; figure 5, left)."""

    expansion: Final = 1

    def __init__(self, in_channels: int, width: int, stride: int, norm: Norm) -> None:
        """Make a block of `width` channels whose first convolution has the stride."""
        super().__init__()
        self.conv1 = padded_conv(in_channels, width, 3, stride)
        self.bn1 = norm(width)
        self.conv2 = padded_conv(width, width, 3)
        self.bn2 = norm(width)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(in_channels, width, stride, norm)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, width, H / stride, W / stride)."""
        residual = self.relu(self.bn1(self.conv1(features)))
        residual = self.bn2(self.conv2(residual))
        output: Tensor = self.relu(residual + self.downsample(features))
        return output


class Bottleneck(nn.Module):
    """y = relu(F(x) + x) with F 1x1, 3x3 and 1x1 convolutions (figure 5, right)."""

    expansion: Final = 4

    def __init__(self, in_channels: int, width: int, stride: int, norm: Norm) -> None:
        """Make a block that works on `width` channels and gives four times as many."""
        super().__init__()
        self.conv1 = padded_conv(in_channels, width, 1)
        self.bn1 = norm(width)
        self.conv2 = padded_conv(width, width, 3, stride)
        self.bn2 = norm(width)
        self.conv3 = padded_conv(width, 4 * width, 1)
        self.bn3 = norm(4 * width)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(in_channels, 4 * width, stride, norm)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, 4 width, H / stride, W / stride)."""
        residual = self.relu(self.bn1(self.conv1(features)))
        residual = self.relu(self.bn2(self.conv2(residual)))
        residual = self.bn3(self.conv3(residual))
        output: Tensor = self.relu(residual + self.downsample(features))
        return output


def _shortcut(in_channels: int, out_channels: int, stride: int, norm: Norm) -> nn.Module:
    """Option B of section 3.3: a projection only where the shape changes."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return conv_norm(padded_conv(in_channels, out_channels, 1, stride), norm)


Block = type[BasicBlock] | type[Bottleneck]


def layers(block: Block, depths: tuple[int, int, int, int], norm: Norm) -> Layers:
    """Build conv1 to layer4 with so many blocks a layer (table 1)."""
    stack: Layers = {
        "conv1": nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
        "bn1": norm(64),
        "relu": nn.ReLU(),
        "maxpool": nn.MaxPool2d(3, stride=2, padding=1),
    }
    in_channels = 64
    for index, depth in enumerate(depths):
        width = 64 * 2**index
        blocks = nn.Sequential()
        for number in range(depth):
            stride = 2 if number == 0 and index > 0 else 1
            blocks.append(block(in_channels, width, stride, norm))
            in_channels = block.expansion * width
        stack[f"layer{index + 1}"] = blocks
    for layer in stack.values():
        initialize(layer)
    return stack


def head(channels: int, num_classes: int) -> Layers:
    """Build the global mean and the one fully connected layer."""
    return {
        "avgpool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "fc": nn.Linear(channels, num_classes),
    }


def _architecture(block: Block, depths: tuple[int, int, int, int]) -> Architecture:
    widths = [block.expansion * 64 * 2**index for index in range(4)]
    return Architecture(
        layers=partial(layers, block, depths),
        head=partial(head, widths[-1]),
        maps=tuple(
            FeatureMap(f"layer{index + 1}", f"layer{index + 1}", 4 * 2**index, width)
            for index, width in enumerate(widths)
        ),
        norm=nn.BatchNorm2d,
    )


RESNET18: Final = _architecture(BasicBlock, (2, 2, 2, 2))
RESNET34: Final = _architecture(BasicBlock, (3, 4, 6, 3))
RESNET50: Final = _architecture(Bottleneck, (3, 4, 6, 3))
RESNET101: Final = _architecture(Bottleneck, (3, 4, 23, 3))
