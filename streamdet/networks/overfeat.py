"""OverFeat: Sermanet, Eigen, Zhang, Mathieu, Fergus, LeCun, "OverFeat", ICLR 2014.

A classifier that slides: its fully connected layers are convolutions, so that an image of the
window's size gives one location and a larger one a map of them, at the cost of one pass (section
3.5, figure 5). A second head gives a box for each location (section 4.1), and both are run on
several sizes of the image, in one graph that shares the weights. detectors/overfeat.py merges
what they say. B images, H and W their sides, L locations of all sizes, C classes.

Departures: layers 3 and on have no zero padding (tables 1 and 3 pad by one cell), so that what a
location says depends on its window alone and equals, to rounding, the network on that crop. The
fast model's layer 6 thus sees 3 x 3 cells in place of 6 x 6, the accurate one's layer 7 2 x 2 in
place of 5 x 5; `is_padded: true` is the tables to the letter, and not equal. Pooling is not
repeated at offsets (section 3.3): a step is the whole stride. A box is coded from its window: zeros
mean the window itself. A `backbone` may stand in for the paper's convolutions: its padding and its
depth let a window see what is around it, and it is trained elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from streamdet.config.options import Options
from streamdet.networks.backbones.one_map import OneMap


class Layer(NamedTuple):
    """A convolution, and the side of the max pooling behind it (1: none), which is its stride."""

    channels: int
    kernel: int
    stride: int = 1
    pool: int = 1
    padding: int = 0


class Model(NamedTuple):
    """A table of the paper: its convolutions, the widths of its classifier, the image's side."""

    layers: tuple[Layer, ...]
    widths: tuple[int, int]
    side: int


_MODELS: Final = {
    "fast": Model(
        (
            Layer(96, 11, 4, pool=2),
            Layer(256, 5, pool=2),
            Layer(512, 3, padding=1),
            Layer(1024, 3, padding=1),
            Layer(1024, 3, padding=1, pool=2),
        ),
        (3072, 4096),
        231,
    ),
    "accurate": Model(
        (
            Layer(96, 7, 2, pool=3),
            Layer(256, 7, pool=2),
            Layer(512, 3, padding=1),
            Layer(512, 3, padding=1),
            Layer(1024, 3, padding=1),
            Layer(1024, 3, padding=1, pool=3),
        ),
        (4096, 4096),
        221,
    ),
}
"""Tables 1 and 3."""

_REGRESSOR_WIDTHS: Final = (4096, 1024)  # section 4.1


class OverFeatOptions(Options):
    """Options of `OverFeatNetwork`: what the `network` of a model's configuration states."""

    model: Literal["fast", "accurate"] = Field("fast", description="Table 1 or 3 of the paper.")
    width: float = Field(1.0, gt=0, le=1, description="Channels, as a share of the paper's.")
    is_padded: bool = Field(False, description="Zero padding in layers 3 and on, as in the tables.")
    backbone: str | None = Field(
        None,
        description="A classifier's backbone in place of the convolutions, see networks/backbones.",
    )
    map: str | None = Field(None, description="Of a backbone: which; by default its last.")
    cells: int = Field(3, ge=1, le=16, description="Of a backbone's map: side of a window.")
    boxes: Literal["shared", "per_class"] = Field(
        "shared", description="4 numbers for whatever class it is (the paper's best), or C x 4."
    )
    scales: tuple[float, ...] = Field(
        (1.0, 1.5, 2.0), min_length=1, description="Sizes of the image that are looked at."
    )


class OverFeatNetwork(nn.Module):
    """OverFeat; see `networks.Network`.

    Attributes:
        window: side of what a location sees, pixels; 231 of the fast model, 209 of the accurate
            one, whose last cells of an image of 221 are pooled away (221 where it is padded); of a
            backbone the cells of its map.
        stride: pixels between neighbouring locations.
    """

    Options: ClassVar = OverFeatOptions

    def __init__(self, options: OverFeatOptions, classes: int, hw: tuple[int, int]) -> None:
        """Make the network for images of `hw`.

        Raises:
            ValueError: at one of the scales an image is smaller than the window.
        """
        super().__init__()
        self.extra_inputs: dict[str, tuple[int, ...]] = {}
        model = _MODELS[options.model]
        self.features: nn.Module
        if options.backbone is not None:
            self.features = OneMap(options.backbone, options.map)
            channels, side, self.stride = (
                self.features.channels,
                options.cells,
                self.features.stride,
            )
            self.window = side * self.stride
        else:
            self.features = _features(model.layers, options)
            channels, side = _last_map(model, options)
            self.window = _window(model.layers, side, is_padded=options.is_padded)
            self.stride = _stride(model.layers)
        self.sizes = [_scaled(hw, scale) for scale in options.scales]
        if min(min(size) for size in self.sizes) < self.window:
            raise ValueError(
                f"at every scale a side must be at least {self.window}, got {self.sizes}"
            )
        boxes = classes if options.boxes == "per_class" else 1
        self.classifier = _head(channels, side, model.widths, classes + 1, options.width)
        self.regressor = _head(channels, side, _REGRESSOR_WIDTHS, 4 * boxes, options.width)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Detect.

        Args:
            image: (B, 3, H, W) normalised.

        Returns:
            scores (B, L, C): class probabilities of each location, the background left out; boxes
            (B, L, 4), or (B, L, C, 4) where each class has its own: xyxy, pixels. The sizes come
            one after the other, in each the locations row by row.
        """
        return self.joined([self.maps(resized) for resized in self.pyramid(image)], image)

    def pyramid(self, image: Tensor) -> Iterator[Tensor]:
        """Resize images (B, 3, H, W) to each of the sizes."""
        for size in self.sizes:
            if size == (image.shape[2], image.shape[3]):
                yield image
            else:
                yield functional.interpolate(image, size, mode="bilinear", align_corners=False)

    def maps(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Slide over images (B, 3, h, w): class logits (B, C + 1, y, x), boxes (B, 4.., y, x)."""
        features = self.features(image)
        return self.classifier(features), self.regressor(features)

    def joined(self, maps: Sequence[tuple[Tensor, Tensor]], image: Tensor) -> dict[str, Tensor]:
        """Make the outputs of `forward` of the maps of all sizes of (B, 3, H, W)."""
        scores = [logits.flatten(2).softmax(dim=1)[:, 1:] for logits, _ in maps]
        boxes = [
            self._boxes(sides, (image.shape[2] / size[0], image.shape[3] / size[1]))
            for (_, sides), size in zip(maps, self.sizes, strict=True)
        ]
        xyxy = torch.cat(boxes, dim=1)  # (B, L, 1 or C, 4)
        return {
            "scores": torch.cat(scores, dim=2).transpose(1, 2),
            "boxes": xyxy[:, :, 0] if xyxy.shape[2] == 1 else xyxy,
        }

    def _boxes(self, sides: Tensor, pixels_yx: tuple[float, float]) -> Tensor:
        """Shift each window's edges by shares of its side: (B, 4.., y, x) to (B, L, .., 4)."""
        windows = self.windows((sides.shape[2], sides.shape[3])).to(sides)
        y, x = pixels_yx
        shifts = by_location(sides) * self.window
        xyxy: Tensor = (windows[:, None] + shifts) * torch.tensor([x, y, x, y]).to(sides)
        return xyxy

    def windows(self, map_hw: tuple[int, int]) -> Tensor:
        """What each location of a map sees: (L, 4) xyxy, pixels of the resized image."""
        rows, columns = map_hw
        corners = torch.cartesian_prod(torch.arange(rows), torch.arange(columns)) * self.stride
        y1, x1 = corners.unbind(1)
        return torch.stack((x1, y1, x1 + self.window, y1 + self.window), dim=1)


def by_location(sides: Tensor) -> Tensor:
    """Sort what a regressor says of boxes, (B, 4.., y, x), by location: (B, L, .., 4)."""
    return sides.reshape(len(sides), -1, 4, sides[0, 0].numel()).permute(0, 3, 1, 2)


def crop_outputs(network: OverFeatNetwork, image: Tensor, batch: int = 16) -> dict[str, Tensor]:
    """Run the network on every window by itself: what `network(image)` gives, without sharing.

    The reference of "dense" windows that the efficient ones are compared with; equal to rounding
    unless the network is padded.

    Args:
        network: in evaluation mode.
        image: (B, 3, H, W) normalised.
        batch: windows at a time.
    """
    return network.joined(
        [_by_crops(network, each, batch) for each in network.pyramid(image)], image
    )


def _by_crops(network: OverFeatNetwork, image: Tensor, batch: int) -> tuple[Tensor, Tensor]:
    windows = image.unfold(2, network.window, network.stride)
    windows = windows.unfold(3, network.window, network.stride)  # (B, 3, y, x, side, side)
    crops = windows.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
    parts = [network.maps(crops[row : row + batch]) for row in range(0, len(crops), batch)]
    shape = (windows.shape[0], windows.shape[2], windows.shape[3])
    logits, sides = (
        torch.cat(each).view(*shape, -1).permute(0, 3, 1, 2) for each in zip(*parts, strict=True)
    )
    return logits, sides


def _features(layers: Sequence[Layer], options: OverFeatOptions) -> nn.Sequential:
    """Build the convolutions; images (B, 3, h, w) to the map that both heads read."""
    stack, in_channels = nn.Sequential(), 3
    for layer in layers:
        channels = _share(layer.channels, options.width)
        padding = layer.padding if options.is_padded else 0
        stack.append(nn.Conv2d(in_channels, channels, layer.kernel, layer.stride, padding))
        stack.append(nn.ReLU())
        if layer.pool > 1:
            stack.append(nn.MaxPool2d(layer.pool))
        in_channels = channels
    return stack


def _head(
    channels: int, side: int, widths: Sequence[int], outputs: int, share: float
) -> nn.Sequential:
    """Build fully connected layers as convolutions: the first sees side x side cells."""
    stack, kernel = nn.Sequential(), side
    for width in widths:
        stack.extend([nn.Conv2d(channels, _share(width, share), kernel), nn.ReLU(), nn.Dropout()])
        channels, kernel = _share(width, share), 1
    return stack.append(nn.Conv2d(channels, outputs, kernel))


def _last_map(model: Model, options: OverFeatOptions) -> tuple[int, int]:
    """Channels and side of the map that the table's image gives."""
    with torch.device("meta"):  # shapes without arithmetic
        shape = _features(model.layers, options)(torch.zeros(1, 3, model.side, model.side)).shape
    return shape[1], shape[2]


def _window(layers: Sequence[Layer], side: int, *, is_padded: bool) -> int:
    """Side in pixels of what `side` x `side` cells of the last map cover."""
    for layer in reversed(layers):
        padding = 2 * layer.padding if is_padded else 0
        side = (side * layer.pool - 1) * layer.stride + layer.kernel - padding
    return side


def _share(channels: int, share: float) -> int:
    return max(round(channels * share), 1)


def _stride(layers: Sequence[Layer]) -> int:
    stride = 1
    for layer in layers:
        stride *= layer.stride * layer.pool
    return stride


def _scaled(hw: tuple[int, int], scale: float) -> tuple[int, int]:
    return round(hw[0] * scale), round(hw[1] * scale)
