"""YOLO: Redmon, Divvala, Girshick, Farhadi, "You Only Look Once", CVPR 2016.

One pass gives everything: the image is cut into S x S cells, and each says C class probabilities
and B boxes with a confidence each (section 2). The network is the paper's (figure 3: 24
convolutions, 2 fully connected layers), Fast YOLO (9 convolutions; its layers are those of
darknet's yolo-tiny.cfg), or another classifier's backbone, as section 2.2 turns one into a
detector: 4 more convolutions and 2 fully connected layers, or, as a departure, convolutions alone
(Redmon, Farhadi, "YOLO9000", CVPR 2017, section 2). detectors/yolo_v1.py decodes what comes
out. Axes: S cells by row and by column, B boxes of a cell, C classes, P images.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from streamdet.config.options import Options
from streamdet.networks.backbones.one_map import OneMap


class Layer(NamedTuple):
    """A convolution, and whether 2x2 max pooling follows it."""

    channels: int
    kernel: int
    stride: int = 1
    is_pooled: bool = False


_CLASSIFIER: Final = (
    Layer(64, 7, 2, is_pooled=True),
    Layer(192, 3, is_pooled=True),
    *(Layer(128, 1), Layer(256, 3), Layer(256, 1), Layer(512, 3, is_pooled=True)),
    *(4 * (Layer(256, 1), Layer(512, 3))),
    *(Layer(512, 1), Layer(1024, 3, is_pooled=True)),
    *(2 * (Layer(512, 1), Layer(1024, 3))),
)
"""The first 20 convolutions of figure 3, which the paper trains on ImageNet first."""

_FAST: Final = (
    *(Layer(channels, 3, is_pooled=True) for channels in (16, 32, 64, 128, 256, 512)),
    *(3 * (Layer(1024, 3),)),
)


class YoloV1Options(Options):
    """Options of `YoloV1Network`; by default the paper's, for VOC."""

    body: str = Field(
        "yolo", description="yolo, fast_yolo, or the name of a backbone, see networks/backbones."
    )
    map: str | None = Field(None, description="Of a backbone: which; by default its last.")
    grid: int = Field(7, ge=1, le=64, description="S: cells by row and by column.")
    boxes: int = Field(2, ge=1, le=10, description="B: boxes of a cell.")
    conv_width: int = Field(
        1024, ge=1, description="Channels of the 4 convolutions behind a classifier's backbone."
    )
    fc_width: int = Field(
        4096,
        ge=0,
        description="Width of the fully connected layer. 0, behind a backbone: there is none, a"
        " convolution says each cell, which a few thousand images can teach; the body's map must be"
        " of `grid` cells.",
    )


class YoloV1Network(nn.Module):
    """YOLO; see `networks.Network`."""

    Options: ClassVar = YoloV1Options

    def __init__(self, options: YoloV1Options, classes: int, hw: tuple[int, int]) -> None:
        """Make the network for images of `hw`; the paper's are 448 x 448.

        Raises:
            ValueError: the options name an unknown backbone, or no fully connected layer and
                another grid than the body's map has.
        """
        super().__init__()
        self.extra_inputs: dict[str, tuple[int, ...]] = {}
        self._cell = (options.grid, options.grid, 5 * options.boxes + classes)
        self.body = _body(options)
        with torch.device("meta"):  # shapes without arithmetic: how sides round depends on the body
            body_map = _body(options)(torch.zeros(1, 3, *hw))
        if options.fc_width == 0:
            if body_map.shape[2:] != self._cell[:2]:
                raise ValueError(
                    f"grid must be the body's map without fc_width, {list(body_map.shape[2:])}, got"
                    f" {options.grid}"
                )
            self.head: nn.Module = nn.Conv2d(body_map.shape[1], self._cell[2], 1)
            return
        features = body_map.numel()
        hidden = (256, options.fc_width) if options.body == "fast_yolo" else (options.fc_width,)
        self.head = _head(features, hidden, self._cell[0] * self._cell[1] * self._cell[2])

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Detect.

        Args:
            image: (P, 3, H, W).

        Returns:
            cells: (P, S, S, 5 B + C): B times x, y, square root of width and height, confidence;
                then the class probabilities. All linear (section 2.2), so not within 0..1.
        """
        cells: Tensor = self.head(self.body(image))
        if cells.ndim == 4:
            return {"cells": cells.permute(0, 2, 3, 1)}
        return {"cells": cells.view(-1, *self._cell)}


def _body(options: YoloV1Options) -> nn.Sequential:
    if options.body == "fast_yolo":
        return _convolutions(3, _FAST)
    width = options.conv_width
    stride = 2 if options.fc_width else 1
    detection = (Layer(width, 3), Layer(width, 3, stride), Layer(width, 3), Layer(width, 3))
    if options.body == "yolo":
        return _convolutions(3, (*_CLASSIFIER, *detection))
    features = OneMap(options.body, options.map)
    return nn.Sequential(features, *_convolutions(features.channels, detection))


def _convolutions(in_channels: int, layers: Iterable[Layer]) -> nn.Sequential:
    stack = nn.Sequential()
    for layer in layers:
        padding = layer.kernel // 2
        convolution = nn.Conv2d(in_channels, layer.channels, layer.kernel, layer.stride, padding)
        stack.extend([convolution, nn.LeakyReLU(0.1)])
        if layer.is_pooled:
            stack.append(nn.MaxPool2d(2))
        in_channels = layer.channels
    return stack


def _head(features: int, hidden: Sequence[int], outputs: int) -> nn.Sequential:
    head = nn.Sequential(nn.Flatten())
    for width in hidden:
        head.extend([nn.Linear(features, width), nn.LeakyReLU(0.1)])
        features = width
    return head.extend([nn.Dropout(0.5), nn.Linear(features, outputs)])
