"""Receptive fields: where in the image the responses of a stack of layers look.

He et al., SPP-net, 2014, appendix A. With layers padded by floor(kernel / 2) and odd kernels, the
response (x, y) is centred at the pixel (S x, S y), S the product of the strides; in general at
(S x + c, S y + c), with c the sum over layers of ((kernel - 1) dilation / 2 - padding) times the
stride so far. Coordinates here are numbers of pixels along one axis (pixel 0 is centred at 0), so
layers with different height and width have a field of their own along each axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """A convolution or pooling along one axis."""

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    def __post_init__(self) -> None:
        """Refuse what is no layer.

        Raises:
            ValueError: kernel, stride or dilation below 1, or padding below 0.
        """
        if min(self.kernel, self.stride, self.dilation) < 1 or self.padding < 0:
            raise ValueError(f"want kernel, stride, dilation >= 1 and padding >= 0, got {self}")

    def responses(self, inputs: int) -> int:
        """How many responses an axis of `inputs` has; the last incomplete window is left out."""
        return (
            inputs + 2 * self.padding - (self.kernel - 1) * self.dilation - 1
        ) // self.stride + 1


@dataclass(frozen=True)
class ReceptiveField:
    """What the responses of a stack see of one axis of the image.

    Attributes:
        size: pixels that one response sees.
        stride: pixels from one response to the next.
        centre: pixel at which response 0 is centred; halves where kernels are even.
    """

    size: int = 1
    stride: int = 1
    centre: float = 0.0

    def pixel(self, response: float) -> float:
        """The pixel at which a response is centred; the inverse of `response`."""
        return self.centre + self.stride * response

    def response(self, pixel: float) -> float:
        """The response, with its fraction, that is centred at a pixel; the inverse of `pixel`."""
        return (pixel - self.centre) / self.stride

    def seen(self, response: int) -> tuple[float, float]:
        """Edges of what a response sees, pixels, the second exclusive; not cut at the image's."""
        first = self.pixel(response) - (self.size - 1) / 2
        return first, first + self.size

    def project(self, edges: tuple[float, float], responses: int) -> tuple[int, int]:
        """Find the responses that stand for an interval of the image, as SPP-net does.

        The first is floor(x1 / S) + 1 and the last ceil(x2 / S) - 1, x1 and x2 the first and the
        last pixel: those centred strictly inside. Where none is, the one centred nearest to the
        interval's middle stands for it.

        Args:
            edges: of the interval, pixels, the second exclusive.
            responses: of the feature map; the result is cut to them.

        Returns:
            The first response and the one after the last, at least one response.
        """
        first = math.floor(self.response(edges[0])) + 1
        last = math.ceil(self.response(edges[1] - 1)) - 1
        if last < first:
            first = last = math.floor(self.response((edges[0] + edges[1] - 1) / 2) + 0.5)
        first = min(max(first, 0), responses - 1)
        return first, min(max(last, first), responses - 1) + 1


def receptive_field(layers: Iterable[Layer]) -> ReceptiveField:
    """Follow a stack of layers from the image upwards.

    Args:
        layers: in the order in which the image passes them; none is the image itself.
    """
    size, stride, centre = 1, 1, 0.0
    for layer in layers:
        reach = (layer.kernel - 1) * layer.dilation
        size += reach * stride
        centre += (reach / 2 - layer.padding) * stride
        stride *= layer.stride
    return ReceptiveField(size, stride, centre)


def responses(layers: Iterable[Layer], pixels: int) -> int:
    """Count the responses of a stack to an axis of `pixels`; 0 or less where it is too short."""
    for layer in layers:
        pixels = layer.responses(pixels)
    return pixels


def project_box(
    xyxy: tuple[float, float, float, float], field: ReceptiveField, map_hw: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Project a box of the image onto a feature map; see `ReceptiveField.project`.

    Args:
        xyxy: pixels, x2 and y2 exclusive.
        field: of both axes.
        map_hw: responses of the feature map.

    Returns:
        xyxy in cells, x2 and y2 exclusive, at least one cell.
    """
    x1, x2 = field.project((xyxy[0], xyxy[2]), map_hw[1])
    y1, y2 = field.project((xyxy[1], xyxy[3]), map_hw[0])
    return x1, y1, x2, y2
