"""Stacks of 3x3 convolutions with ReLU, as the heads of detectors have them.

Weights are named as in torchvision's detectors: `0.0` is the first convolution, `0.1` its norm.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from streamdet.networks.backbones.normalization import Norm


def relu_convolutions(
    in_channels: int, widths: Sequence[int], norm: Norm | None = None
) -> list[nn.Module]:
    """Make 3x3 convolutions that keep the size, each followed by its norm and ReLU.

    Args:
        in_channels: of the map that the first one reads.
        widths: output channels of each.
        norm: after each convolution, which has no bias then; None: none.
    """
    blocks: list[nn.Module] = []
    for width in widths:
        convolution = nn.Conv2d(in_channels, width, 3, padding=1, bias=norm is None)
        norms = [norm(width)] if norm else []
        blocks.append(nn.Sequential(convolution, *norms, nn.ReLU()))
        in_channels = width
    return blocks
