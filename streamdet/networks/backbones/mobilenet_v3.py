"""MobileNetV3: Howard, Sandler, Chu and others, "Searching for MobileNetV3", ICCV 2019.

Tables 1 and 2 with section 5. One departure, with torchvision: the quarter of the expansion that
a squeeze-and-excite layer has (section 5.3) is rounded to a multiple of 8.
"""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

from torch import Tensor, nn

from streamdet.networks.backbones.architecture import Architecture, FeatureMap, Layers
from streamdet.networks.backbones.convolution import conv_norm, initialize, padded_conv
from streamdet.networks.backbones.normalization import Norm


class Row(NamedTuple):
    """A bottleneck's row in table 1 or 2: kernel, exp size, #out, SE, NL (h-swish or ReLU), s."""

    kernel: int
    expanded: int
    out_channels: int
    has_squeeze: bool
    has_hardswish: bool
    stride: int


_LARGE_ROWS: Final = (  # table 1
    Row(3, 16, 16, False, False, 1),
    Row(3, 64, 24, False, False, 2),
    Row(3, 72, 24, False, False, 1),
    Row(5, 72, 40, True, False, 2),
    Row(5, 120, 40, True, False, 1),
    Row(5, 120, 40, True, False, 1),
    Row(3, 240, 80, False, True, 2),
    Row(3, 200, 80, False, True, 1),
    Row(3, 184, 80, False, True, 1),
    Row(3, 184, 80, False, True, 1),
    Row(3, 480, 112, True, True, 1),
    Row(3, 672, 112, True, True, 1),
    Row(5, 672, 160, True, True, 2),
    Row(5, 960, 160, True, True, 1),
    Row(5, 960, 160, True, True, 1),
)
_SMALL_ROWS: Final = (  # table 2
    Row(3, 16, 16, True, False, 2),
    Row(3, 72, 24, False, False, 2),
    Row(3, 88, 24, False, False, 1),
    Row(5, 96, 40, True, True, 2),
    Row(5, 240, 40, True, True, 1),
    Row(5, 240, 40, True, True, 1),
    Row(5, 120, 48, True, True, 1),
    Row(5, 144, 48, True, True, 1),
    Row(5, 288, 96, True, True, 2),
    Row(5, 576, 96, True, True, 1),
    Row(5, 576, 96, True, True, 1),
)


class SqueezeExcitation(nn.Module):
    """Weighs channels by what the whole map holds (section 5.3; Hu and others, CVPR 2018)."""

    def __init__(self, channels: int) -> None:
        """Make the two layers that see the mean of each channel."""
        super().__init__()
        squeezed = _rounded_to_eights(channels // 4)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.activation = nn.ReLU()
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.scale_activation = nn.Hardsigmoid()

    def forward(self, features: Tensor) -> Tensor:
        """Scale each channel of (B, channels, H, W) by 0..1."""
        squeezed = self.activation(self.fc1(self.avgpool(features)))
        scale: Tensor = self.scale_activation(self.fc2(squeezed))
        return scale * features


def _rounded_to_eights(channels: int) -> int:
    """Round to the nearest multiple of 8, up where that would lose more than a tenth."""
    nearest = max(8, (channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


class InvertedResidual(nn.Module):
    """Expand, filter by depth, squeeze and excite, project (figure 4)."""

    def __init__(self, in_channels: int, row: Row, norm: Norm) -> None:
        """Make the block of a row of the table."""
        super().__init__()
        self.is_residual = row.stride == 1 and in_channels == row.out_channels
        activation = nn.Hardswish if row.has_hardswish else nn.ReLU
        self.block = nn.Sequential()
        if row.expanded != in_channels:
            expand = padded_conv(in_channels, row.expanded, 1)
            self.block.append(conv_norm(expand, norm, activation()))
        depthwise = padded_conv(
            row.expanded, row.expanded, row.kernel, row.stride, groups=row.expanded
        )
        self.block.append(conv_norm(depthwise, norm, activation()))
        if row.has_squeeze:
            self.block.append(SqueezeExcitation(row.expanded))
        self.block.append(conv_norm(padded_conv(row.expanded, row.out_channels, 1), norm))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        output: Tensor = self.block(features)
        return features + output if self.is_residual else output


def layers(rows: tuple[Row, ...], norm: Norm) -> Layers:
    """Build the first convolution, the bottlenecks and the last 1x1 convolution."""
    stack: list[nn.Module] = [conv_norm(padded_conv(3, 16, 3, stride=2), norm, nn.Hardswish())]
    in_channels = 16
    for row in rows:
        stack.append(InvertedResidual(in_channels, row, norm))
        in_channels = row.out_channels
    last = padded_conv(in_channels, 6 * in_channels, 1)
    stack.append(conv_norm(last, norm, nn.Hardswish()))
    for layer in stack:
        initialize(layer)
    return {str(index): layer for index, layer in enumerate(stack)}


def head(channels: int, hidden: int, num_classes: int) -> Layers:
    """Build the efficient last stage: the mean comes before the wide layer (section 5.1)."""
    classifier = nn.Sequential(
        nn.Linear(channels, hidden), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(hidden, num_classes)
    )
    initialize(classifier)
    return {
        "avgpool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "classifier": classifier,
    }


def _map(index: int, stride: int, channels: int) -> FeatureMap:
    return FeatureMap(f"features.{index}", str(index), stride, channels)


_NORM: Final = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)  # section 6.1.1: decay 0.99

# The last map of each stride, and what torchvision's detectors read: of MobileNetV3-Large
# features.13 and features.16, both of stride 32.
LARGE: Final = Architecture(
    layers=partial(layers, _LARGE_ROWS),
    head=partial(head, 960, 1280),
    maps=(
        _map(1, 2, 16),
        _map(3, 4, 24),
        _map(6, 8, 40),
        _map(12, 16, 112),
        _map(13, 32, 160),
        _map(15, 32, 160),
        _map(16, 32, 960),
    ),
    norm=_NORM,
    folder="features",
)
SMALL: Final = Architecture(
    layers=partial(layers, _SMALL_ROWS),
    head=partial(head, 576, 1024),
    maps=(
        _map(1, 4, 16),
        _map(3, 8, 24),
        _map(8, 16, 48),
        _map(9, 32, 96),
        _map(11, 32, 96),
        _map(12, 32, 576),
    ),
    norm=_NORM,
    folder="features",
)
