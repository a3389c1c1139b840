"""YOLOX: Ge, Liu, Wang, Li, Sun, "YOLOX: Exceeding YOLO Series in 2021", arXiv 2107.08430.

CSPDarknet, a pyramid that goes down and up again (Liu et al., "PANet", 2018), and a head that is
anchor-free, one box a cell, with branches of their own for classes and boxes (section 2.1, figure
2). detectors/yolox.py decodes what comes out. Weights are named as in github
Megvii-BaseDetection/YOLOX. B images, N cells of all maps, C classes. A backbone of
networks/backbones may stand in for CSPDarknet, so that a training begins with what it knows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from streamdet.config.options import Options
from streamdet.networks.backbones import backbone
from streamdet.networks.backbones.backbone import Backbone
from streamdet.networks.csp_darknet import (
    STRIDES,
    Block,
    ConvBlock,
    CspDarknet,
    CspStage,
    SeparableBlock,
)


class YoloxOptions(Options):
    """Options of `YoloxNetwork`; nano by default (tiny: 0.375, 0.33, s: 0.5, 0.33, no separable).

    The published ones are multiples of YOLOX-l, which has the width and depth 1.
    """

    width: float = Field(0.25, gt=0, le=2, description="Channels, as a share of YOLOX-l's.")
    depth: float = Field(0.33, gt=0, le=2, description="Bottlenecks, as a share of YOLOX-l's.")
    is_separable: bool = Field(True, description="Depthwise and 1x1 in place of 3x3 convolutions.")
    backbone: str | None = Field(
        None, description="Name of a backbone, see networks/backbones; by default CSPDarknet."
    )
    maps: tuple[str, str, str] | None = Field(
        None, description="Its maps of strides 8, 16 and 32; CSPDarknet has no others."
    )


class YoloxNetwork(nn.Module):
    """YOLOX; see `networks.Network`."""

    Options: ClassVar = YoloxOptions
    takes_any_hw: ClassVar = True

    def __init__(self, options: YoloxOptions, classes: int, hw: tuple[int, int]) -> None:
        """Make the network.

        Raises:
            ValueError: a side of `hw` is no multiple of 32, the coarsest map's stride; the options
                name an unknown backbone or map, or maps of other strides.
        """
        super().__init__()
        if hw[0] % STRIDES[-1] or hw[1] % STRIDES[-1]:
            raise ValueError(f"height and width must be multiples of {STRIDES[-1]}, got {hw}")
        self.extra_inputs: dict[str, tuple[int, ...]] = {}
        base_channels = int(64 * options.width)
        base_depth = max(round(3 * options.depth), 1)
        block = SeparableBlock if options.is_separable else ConvBlock
        body: CspDarknet | Narrowed
        if options.backbone is None:
            body = CspDarknet(base_channels, base_depth, block)
        else:
            maps = backbone(options.backbone, maps=options.maps or ())
            body = Narrowed(maps, tuple(base_channels * times for times in (4, 8, 16)))
        self.backbone = PathAggregation(body, base_depth, block)
        self.head = DecoupledHead(body.channels, int(256 * options.width), classes, block)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Detect.

        Args:
            image: (B, 3, H, W).

        Returns:
            output: (B, N, 5 + C): box as detectors/yolox.py decodes it, objectness, classes, these
                two after their sigmoids; maps fine to coarse, row by row.
        """
        output = self.head(self.backbone(image))
        return {"output": output}

    def logits(self, image: Tensor) -> Tensor:
        """Compute what training reads: as `forward`'s output, but before the sigmoids."""
        return self.head.logits(self.backbone(image))


class Narrowed(nn.Module):
    """A backbone of networks/backbones, its maps brought to CSPDarknet's channels.

    Attributes:
        channels: of the maps of strides 8, 16 and 32.
    """

    def __init__(self, body: Backbone, channels: tuple[int, ...]) -> None:
        """Make a 1x1 convolution for each map.

        Raises:
            ValueError: the maps have other strides.
        """
        super().__init__()
        if (strides := tuple(each.stride for each in body.maps)) != STRIDES:
            raise ValueError(f"maps must have the strides {STRIDES}, got {strides}")
        self.channels = channels
        self.body = body
        self.laterals = nn.ModuleList(
            ConvBlock(each.channels, out, 1) for each, out in zip(body.maps, channels, strict=True)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map (B, 3, H, W) to maps of strides 8, 16 and 32."""
        maps = self.body(image).values()
        return [lateral(each) for lateral, each in zip(self.laterals, maps, strict=True)]


class PathAggregation(nn.Module):
    """The backbone and its neck: coarse maps are added to finer ones, then fine to coarser ones."""

    def __init__(self, body: CspDarknet | Narrowed, depth: int, block: Block) -> None:
        """Make the neck for a backbone; its maps have the backbone's channels."""
        super().__init__()
        fine, middle, coarse = body.channels
        self.backbone = body
        self.lateral_conv0 = ConvBlock(coarse, middle, 1)
        self.C3_p4 = CspStage(2 * middle, middle, depth, block, is_residual=False)
        self.reduce_conv1 = ConvBlock(middle, fine, 1)
        self.C3_p3 = CspStage(2 * fine, fine, depth, block, is_residual=False)
        self.bu_conv2 = block(fine, fine, 3, 2)
        self.C3_n3 = CspStage(2 * fine, middle, depth, block, is_residual=False)
        self.bu_conv1 = block(middle, middle, 3, 2)
        self.C3_n4 = CspStage(2 * middle, coarse, depth, block, is_residual=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (B, 3, H, W) to maps of strides 8, 16 and 32."""
        map8, map16, map32 = self.backbone(image)
        narrow32 = self.lateral_conv0(map32)
        down16 = self.C3_p4(torch.cat((_doubled(narrow32), map16), dim=1))
        narrow16 = self.reduce_conv1(down16)
        down8 = self.C3_p3(torch.cat((_doubled(narrow16), map8), dim=1))
        up16 = self.C3_n3(torch.cat((self.bu_conv2(down8), narrow16), dim=1))
        up32 = self.C3_n4(torch.cat((self.bu_conv1(up16), narrow32), dim=1))
        return down8, up16, up32


def _doubled(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")


class DecoupledHead(nn.Module):
    """A branch for classes and one for box and objectness, on each map."""

    def __init__(self, channels: Sequence[int], width: int, classes: int, block: Block) -> None:
        """Make it.

        Args:
            channels: of the maps, fine to coarse.
            width: channels of the branches.
            classes: C.
            block: of the 3x3 convolutions.
        """
        super().__init__()
        levels = len(channels)
        self.stems = nn.ModuleList(ConvBlock(each, width, 1) for each in channels)
        self.cls_convs = nn.ModuleList(_branch(width, block) for _ in range(levels))
        self.reg_convs = nn.ModuleList(_branch(width, block) for _ in range(levels))
        self.cls_preds = nn.ModuleList(_scores(width, classes) for _ in range(levels))
        self.reg_preds = nn.ModuleList(nn.Conv2d(width, 4, 1) for _ in range(levels))
        self.obj_preds = nn.ModuleList(_scores(width, 1) for _ in range(levels))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Map the pyramid to (B, N, 5 + C); see `YoloxNetwork`."""
        return _by_cell(
            torch.cat((box, objectness.sigmoid(), classes.sigmoid()), dim=1)
            for box, objectness, classes in self._levels(maps)
        )

    def logits(self, maps: Sequence[Tensor]) -> Tensor:
        """Map the pyramid to (B, N, 5 + C), before the sigmoids."""
        return _by_cell(torch.cat(level, dim=1) for level in self._levels(maps))

    def _levels(self, maps: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Box, objectness and classes of each map."""
        for number, map_features in enumerate(maps):
            features = self.stems[number](map_features)
            classes = self.cls_preds[number](self.cls_convs[number](features))
            box_features = self.reg_convs[number](features)
            box = self.reg_preds[number](box_features)
            yield box, self.obj_preds[number](box_features), classes


def _by_cell(levels: Iterable[Tensor]) -> Tensor:
    """Join maps (B, 5 + C, h, w) into (B, N, 5 + C)."""
    return torch.cat([level.flatten(2) for level in levels], dim=2).transpose(1, 2)


def _branch(width: int, block: Block) -> nn.Sequential:
    return nn.Sequential(block(width, width, 3), block(width, width, 3))


def _scores(width: int, number: int) -> nn.Conv2d:
    """A 1x1 convolution whose scores begin at 0.01: Lin et al., "Focal Loss", 2017, section 4.1."""
    convolution = nn.Conv2d(width, number, 1)
    nn.init.constant_(convolution.bias, -math.log(0.99 / 0.01))  # type: ignore[arg-type]
    return convolution
