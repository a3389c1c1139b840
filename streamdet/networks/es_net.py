"""ESNet as PicoDet has it: Yu et al., "PP-PicoDet", 2021, section 3.1; and its building blocks.

ShuffleNetV2 (Ma et al., 2018) with squeeze and excitation (Hu et al., 2018) and, where a map
shrinks, a separable convolution after the channels of both branches are joined. A ratio for each
block, found by the authors' search, says how wide it is inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

BLOCKS: Final = (3, 7, 3)
"""Of the stages, whose maps have the strides 8, 16 and 32."""

_STEM: Final = 32
_CHANNELS: Final = (128, 256, 512)
_SQUEEZE: Final = 4


class ConvNorm(nn.Sequential):
    """Convolution that keeps the size at stride 1, batch norm and, unless told, hard swish."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        groups: int = 1,
        is_active: bool = True,
    ) -> None:
        """Make them."""
        convolution = nn.Conv2d(
            in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        activation = [nn.Hardswish()] if is_active else []
        super().__init__(convolution, nn.BatchNorm2d(out_channels), *activation)


def depthwise(channels: int, kernel: int, stride: int = 1, *, is_active: bool = True) -> ConvNorm:
    """Make a convolution of each channel by itself."""
    return ConvNorm(channels, channels, kernel, stride, groups=channels, is_active=is_active)


class SqueezeExcitation(nn.Module):
    """Multiplies each channel by what the means of all channels say."""

    def __init__(self, channels: int) -> None:
        """Make it."""
        super().__init__()
        self.reduce = nn.Conv2d(channels, channels // _SQUEEZE, 1)
        self.expand = nn.Conv2d(channels // _SQUEEZE, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to as many."""
        means = features.mean(dim=(2, 3), keepdim=True)
        gates = nn.functional.hardsigmoid(self.expand(self.reduce(means).relu()))
        return features * gates


class EsBlock(nn.Module):
    """Half of the channels pass the block, half pass by; then both are mixed (figure 2a)."""

    def __init__(self, channels: int, middle: int) -> None:
        """Make it; `middle` is the width of its first layer, `channels` stay."""
        super().__init__()
        half = channels // 2
        self.pointwise = ConvNorm(half, middle)
        self.depthwise = depthwise(middle, 3, is_active=False)
        self.excitation = SqueezeExcitation(2 * middle)
        self.linear = ConvNorm(2 * middle, half)
        order = torch.arange(channels).view(2, half).T.flatten()
        self.register_buffer("order", order, persistent=False)
        self.order: Tensor

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, H, W) to as many."""
        by, through = features.chunk(2, dim=1)
        narrow = self.pointwise(through)
        both = torch.cat((narrow, self.depthwise(narrow)), dim=1)
        joined = torch.cat((by, self.linear(self.excitation(both))), dim=1)
        return joined[:, self.order]  # shuffled without a shape: the image's sides stay free


class EsDownBlock(nn.Module):
    """Halves the sides in two branches, joins them and mixes (figure 2b)."""

    def __init__(self, in_channels: int, out_channels: int, middle: int) -> None:
        """Make it; `middle` is the width of its second branch."""
        super().__init__()
        half = out_channels // 2
        self.branch = nn.Sequential(
            depthwise(in_channels, 3, 2, is_active=False), ConvNorm(in_channels, half)
        )
        self.pointwise = ConvNorm(in_channels, middle)
        self.depthwise = depthwise(middle, 3, 2, is_active=False)
        self.excitation = SqueezeExcitation(middle)
        self.linear = ConvNorm(middle, half)
        self.mix = nn.Sequential(depthwise(out_channels, 3), ConvNorm(out_channels, out_channels))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / 2, W / 2)."""
        branch = self.branch(features)
        excited = self.excitation(self.depthwise(self.pointwise(features)))
        mixed: Tensor = self.mix(torch.cat((branch, self.linear(excited)), dim=1))
        return mixed


class EsNet(nn.Module):
    """The backbone.

    Attributes:
        channels: of the maps of strides 8, 16 and 32.
    """

    def __init__(self, width: float, ratios: Sequence[float]) -> None:
        """Make it.

        Args:
            width: channels, as a share of the largest network's.
            ratios: width of each block inside, as a share of its channels.
        """
        super().__init__()
        stem = int(_STEM * width)
        self.channels = tuple(int(each * width) for each in _CHANNELS)
        self.stem = nn.Sequential(ConvNorm(3, stem, 3, 2), nn.MaxPool2d(3, 2, 1))
        self.stages = nn.ModuleList()
        rest = iter(ratios)
        for before, channels, blocks in zip(
            (stem, *self.channels), self.channels, BLOCKS, strict=False
        ):
            middles = [_multiple_of_4(next(rest) * channels / 2) for _ in range(blocks)]
            down = EsDownBlock(before, channels, middles[0])
            stage = [EsBlock(channels, each) for each in middles[1:]]
            self.stages.append(nn.Sequential(down, *stage))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map (B, 3, H, W) to the maps of strides 8, 16 and 32."""
        features, maps = self.stem(image), []
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        return maps


def _multiple_of_4(channels: float) -> int:
    return max(4, int(channels + 2) // 4 * 4)
