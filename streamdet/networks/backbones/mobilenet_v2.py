"""MobileNetV2: Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2", CVPR 2018.

Table 2 with table 1 and figure 4d. `MOBILENET_V2_SAME` is the same network as TensorFlow pads it,
for weights that come from there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from torch import Tensor, nn

from streamdet.networks.backbones.architecture import Architecture, FeatureMap, Layers
from streamdet.networks.backbones.convolution import conv_norm, initialize, padded_conv
from streamdet.networks.backbones.normalization import ChannelBias, Norm
from streamdet.networks.backbones.same_padding import same_conv

Convolve = Callable[..., nn.Conv2d]

# Table 2: t (expansion), c (channels), n (repeats), s (stride of the first).
_ROWS: Final = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """Expand, filter by depth, project without a non-linearity (table 1)."""

    def __init__(
        self, channels: tuple[int, int], expansion: int, stride: int, norm: Norm, convolve: Convolve
    ) -> None:
        """Make a block.

        Args:
            channels: in and out.
            expansion: the paper's t; 1 leaves the expanding convolution out.
            stride: of the depthwise convolution.
            norm: after each convolution.
            convolve: makes a convolution that pads in its own way.
        """
        super().__init__()
        in_channels, out_channels = channels
        expanded = expansion * in_channels
        self.is_residual = stride == 1 and in_channels == out_channels
        self.conv = nn.Sequential()
        if expansion > 1:
            self.conv.append(conv_norm(convolve(in_channels, expanded, 1), norm, nn.ReLU6()))
        depthwise = convolve(expanded, expanded, 3, stride, groups=expanded)
        self.conv.append(conv_norm(depthwise, norm, nn.ReLU6()))
        self.conv.extend(conv_norm(convolve(expanded, out_channels, 1), norm))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, H / stride, W / stride)."""
        output: Tensor = self.conv(features)
        return features + output if self.is_residual else output


def layers(convolve: Convolve, norm: Norm) -> Layers:
    """Build the first convolution, the 17 bottlenecks and the last 1x1 convolution."""
    stack = nn.Sequential(conv_norm(convolve(3, 32, 3, 2), norm, nn.ReLU6()))
    in_channels = 32
    for expansion, out_channels, repeats, first_stride in _ROWS:
        for number in range(repeats):
            stride = first_stride if number == 0 else 1
            channels = (in_channels, out_channels)
            stack.append(InvertedResidual(channels, expansion, stride, norm, convolve))
            in_channels = out_channels
    stack.append(conv_norm(convolve(in_channels, 1280, 1), norm, nn.ReLU6()))
    initialize(stack)
    return dict(stack.named_children())


def head(num_classes: int) -> Layers:
    """Build the global mean and the one fully connected layer."""
    classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, num_classes))
    initialize(classifier)
    return {
        "avgpool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "classifier": classifier,
    }


MOBILENET_V2: Final = Architecture(
    layers=partial(layers, padded_conv),
    head=head,
    maps=(
        FeatureMap("features.1", "1", 2, 16),
        FeatureMap("features.3", "3", 4, 24),
        FeatureMap("features.6", "6", 8, 32),
        FeatureMap("features.13", "13", 16, 96),
        FeatureMap("features.17", "17", 32, 320),
        FeatureMap("features.18", "18", 32, 1280),
    ),
    norm=nn.BatchNorm2d,
    folder="features",
)
MOBILENET_V2_SAME: Final = MOBILENET_V2._replace(
    layers=partial(layers, same_conv), norm=ChannelBias
)
