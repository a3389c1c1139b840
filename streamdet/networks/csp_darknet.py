"""CSPDarknet as YOLOX has it: Ge et al., "YOLOX", 2021, section 2.1; and its building blocks.

Darknet53 (Redmon, Farhadi, "YOLOv3", 2018) with cross stage partial stages (Wang et al., "CSPNet",
2020) and spatial pyramid pooling. Weights are named as in github Megvii-BaseDetection/YOLOX.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

STRIDES: Final = (8, 16, 32)
"""Of the three maps that a neck reads."""

_POOL_SIDES: Final = (5, 9, 13)


class ConvBlock(nn.Module):
    """Convolution that keeps the size at stride 1, batch norm, SiLU."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        """Make the three."""
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.03)
        self.act = nn.SiLU()

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        output: Tensor = self.act(self.bn(self.conv(features)))
        return output


class SeparableBlock(nn.Module):
    """A block of each channel by itself, then a 1x1 block: Howard et al., "MobileNets", 2017."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        """Make the two."""
        super().__init__()
        self.dconv = ConvBlock(in_channels, in_channels, kernel, stride, groups=in_channels)
        self.pconv = ConvBlock(in_channels, out_channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Do what `ConvBlock` does."""
        output: Tensor = self.pconv(self.dconv(features))
        return output


Block = type[ConvBlock] | type[SeparableBlock]
"""What stands where a network has its 3x3 convolutions."""


class Bottleneck(nn.Module):
    """1x1, then 3x3, added to the input where `is_residual`."""

    def __init__(self, channels: int, block: Block, *, is_residual: bool) -> None:
        """Make it; the number of channels stays."""
        super().__init__()
        self.conv1 = ConvBlock(channels, channels, 1)
        self.conv2 = block(channels, channels, 3)
        self._is_residual = is_residual

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, H, W) to as many."""
        output: Tensor = self.conv2(self.conv1(features))
        return output + features if self._is_residual else output


class CspStage(nn.Module):
    """Half of the channels pass the bottlenecks, half pass by; CSPNet, section 3."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        depth: int,
        block: Block,
        *,
        is_residual: bool = True,
    ) -> None:
        """Make it with `depth` bottlenecks."""
        super().__init__()
        half = out_channels // 2
        self.conv1 = ConvBlock(in_channels, half, 1)
        self.conv2 = ConvBlock(in_channels, half, 1)
        self.conv3 = ConvBlock(2 * half, out_channels, 1)
        bottlenecks = (Bottleneck(half, block, is_residual=is_residual) for _ in range(depth))
        self.m = nn.Sequential(*bottlenecks)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H, W)."""
        through, by = self.conv1(features), self.conv2(features)
        output: Tensor = self.conv3(torch.cat((self.m(through), by), dim=1))
        return output


class PyramidPooling(nn.Module):
    """Maxima over 5, 9 and 13 cells beside each cell, as in YOLOv3-SPP."""

    def __init__(self, channels: int) -> None:
        """Make it; the number of channels stays."""
        super().__init__()
        self.conv1 = ConvBlock(channels, channels // 2, 1)
        self.m = nn.ModuleList(nn.MaxPool2d(side, 1, side // 2) for side in _POOL_SIDES)
        self.conv2 = ConvBlock(channels // 2 * (len(_POOL_SIDES) + 1), channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, channels, H, W) to as many."""
        narrow = self.conv1(features)
        output: Tensor = self.conv2(torch.cat((narrow, *(pool(narrow) for pool in self.m)), dim=1))
        return output


class Focus(nn.Module):
    """Puts each 2x2 pixels into one cell of 12 channels, then a 3x3 block."""

    def __init__(self, out_channels: int) -> None:
        """Make it for images of 3 channels."""
        super().__init__()
        self.conv = ConvBlock(12, out_channels, 3)

    def forward(self, image: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, out_channels, H / 2, W / 2)."""
        corners = [image[..., y::2, x::2] for x in (0, 1) for y in (0, 1)]
        output: Tensor = self.conv(torch.cat(corners, dim=1))
        return output


class CspDarknet(nn.Module):
    """The backbone.

    Attributes:
        channels: of the maps of strides 8, 16 and 32.
    """

    def __init__(self, base_channels: int, base_depth: int, block: Block) -> None:
        """Make it.

        Args:
            base_channels: of the first layer; each further stage doubles them.
            base_depth: bottlenecks of the first and the last stage; those between have 3 times.
            block: of the 3x3 convolutions.
        """
        super().__init__()
        base = base_channels
        self.channels = (4 * base, 8 * base, 16 * base)
        self.stem = Focus(base)
        self.dark2 = _stage(base, base_depth, block)
        self.dark3 = _stage(2 * base, 3 * base_depth, block)
        self.dark4 = _stage(4 * base, 3 * base_depth, block)
        self.dark5 = nn.Sequential(
            block(8 * base, 16 * base, 3, 2),
            PyramidPooling(16 * base),
            CspStage(16 * base, 16 * base, base_depth, block, is_residual=False),
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (B, 3, H, W) to the maps of strides 8, 16 and 32."""
        map8 = self.dark3(self.dark2(self.stem(image)))
        map16 = self.dark4(map8)
        return map8, map16, self.dark5(map16)


def _stage(channels: int, depth: int, block: Block) -> nn.Sequential:
    doubled = 2 * channels
    return nn.Sequential(block(channels, doubled, 3, 2), CspStage(doubled, doubled, depth, block))
