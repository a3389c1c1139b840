"""PicoDet: Yu et al., "PP-PicoDet: A Better Real-Time Object Detector on Mobile Devices", 2021.

ESNet, a pyramid that goes down and up again with cross stage partial blocks and 5x5 separable
convolutions (section 3.2, "CSP-PAN"), a fourth map of stride 64, and on each map one branch that
gives class scores, which hold the box's quality, and each side of the box as a distribution (Li et
al., "Generalized Focal Loss", 2020). detectors/gfl.py decodes what comes out. B images, N cells of
a map, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Final

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from streamdet.config.options import Options
from streamdet.networks.es_net import BLOCKS, ConvNorm, EsNet, depthwise

STRIDES: Final = (8, 16, 32, 64)
"""Of the maps, fine to coarse."""

BINS: Final = 8
"""Of the distribution of a side: distances of 0 to 7 cells."""

_KERNEL: Final = 5
_HEAD_DEPTH: Final = 2
_S: Final = (0.875, 0.5, 0.5, 0.5, 0.625, 0.5, 0.625, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
_COARSEST_BODY: Final = 32


class PicoDetOptions(Options):
    """Options of `PicoDetNetwork`; PicoDet-S by default."""

    width: float = Field(0.75, gt=0, le=2, description="Channels of ESNet, as a share of 1.0's.")
    ratios: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        _S,
        min_length=sum(BLOCKS),
        max_length=sum(BLOCKS),
        description="Width of each of ESNet's blocks inside, as a share of its channels.",
    )
    neck_channels: int = Field(96, ge=8, le=1024, description="Channels of the pyramid.")


class PicoDetNetwork(nn.Module):
    """PicoDet; see `networks.Network`."""

    Options: ClassVar = PicoDetOptions
    takes_any_hw: ClassVar = True
    classes_come_first: ClassVar = True

    def __init__(self, options: PicoDetOptions, classes: int, hw: tuple[int, int]) -> None:
        """Make the network.

        Raises:
            ValueError: a side of `hw` is no multiple of 32, the backbone's coarsest stride.
        """
        super().__init__()
        if hw[0] % _COARSEST_BODY or hw[1] % _COARSEST_BODY:
            raise ValueError(f"height and width must be multiples of {_COARSEST_BODY}, got {hw}")
        self.extra_inputs: dict[str, tuple[int, ...]] = {}
        self.classes = classes
        self.backbone = EsNet(options.width, options.ratios)
        self.neck = CspPan(self.backbone.channels, options.neck_channels)
        self.heads = nn.ModuleList(_head(options.neck_channels, classes) for _ in STRIDES)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Detect.

        Args:
            image: (B, 3, H, W).

        Returns:
            For each stride class scores after their sigmoids (B, N, C), and then for each the sides
            (B, N, 4 * bins), logits; row by row. Named as in the published file.
        """
        levels = list(self._levels(image))
        scores = [classes.sigmoid() for classes, _ in levels]
        outputs = [*scores, *(sides for _, sides in levels)]
        return {
            f"save_infer_model/scale_{number}.tmp_1": each.flatten(2).transpose(1, 2)
            for number, each in enumerate(outputs)
        }

    def logits(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Compute what training reads: of all maps, (B, cells, C) and (B, cells, 4, bins)."""
        levels = list(self._levels(image))
        classes, sides = (
            torch.cat([each.flatten(2) for each in maps], dim=2).transpose(1, 2)
            for maps in zip(*levels, strict=True)
        )
        return classes, sides.reshape(*sides.shape[:2], 4, BINS)

    def _levels(self, image: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Classes (B, C, h, w) and sides (B, 4 * bins, h, w) of each map, logits."""
        for head, features in zip(self.heads, self.neck(self.backbone(image)), strict=True):
            classes, sides = head(features).split((self.classes, 4 * BINS), dim=1)
            yield classes, sides


class CspPan(nn.Module):
    """The neck: all maps get as many channels, coarse ones go into finer ones and back."""

    def __init__(self, in_channels: Sequence[int], channels: int) -> None:
        """Make it for maps of strides 8, 16 and 32; fine to coarse."""
        super().__init__()
        self.laterals = nn.ModuleList(ConvNorm(each, channels) for each in in_channels)
        self.down = nn.ModuleList(CspBlock(channels) for _ in range(2))
        self.shrink = nn.ModuleList(_separable(channels, 2) for _ in range(2))
        self.up = nn.ModuleList(CspBlock(channels) for _ in range(2))
        self.extra_in = _separable(channels, 2)
        self.extra_out = _separable(channels, 2)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map three maps to four, of strides 8, 16, 32 and 64."""
        map8, map16, map32 = (
            lateral(each) for lateral, each in zip(self.laterals, maps, strict=True)
        )
        down16 = self.down[0](torch.cat((_doubled(map32), map16), dim=1))
        down8 = self.down[1](torch.cat((_doubled(down16), map8), dim=1))
        up16 = self.up[0](torch.cat((self.shrink[0](down8), down16), dim=1))
        up32 = self.up[1](torch.cat((self.shrink[1](up16), map32), dim=1))
        return [down8, up16, up32, self.extra_in(map32) + self.extra_out(up32)]


class CspBlock(nn.Module):
    """Halves the channels twice: one half passes a separable bottleneck, one passes by."""

    def __init__(self, channels: int) -> None:
        """Make it for two maps of `channels` each, joined."""
        super().__init__()
        half = channels // 2
        self.by = ConvNorm(2 * channels, half)
        self.through = nn.Sequential(
            ConvNorm(2 * channels, half), ConvNorm(half, half), _separable(half, 1)
        )
        self.join = ConvNorm(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, 2 * channels, H, W) to (B, channels, H, W)."""
        by = self.by(features)
        joined: Tensor = self.join(torch.cat((self.through(features), by), dim=1))
        return joined


def _separable(channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(depthwise(channels, _KERNEL, stride), ConvNorm(channels, channels))


def _head(channels: int, classes: int) -> nn.Sequential:
    """One branch for classes and sides; its scores begin at 0.01: "Focal Loss", section 4.1."""
    last = nn.Conv2d(channels, classes + 4 * BINS, 1)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    nn.init.constant_(last.bias[:classes], -math.log(0.99 / 0.01))  # type: ignore[index]
    return nn.Sequential(*(_separable(channels, 1) for _ in range(_HEAD_DEPTH)), last)


def _doubled(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")
