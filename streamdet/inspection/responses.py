"""The strongest responses of a feature, what they saw, and where that lies.

Three ways back from one response to the pixels, all of them its gradient but for what a rectifier
does with it: as it is; guided backpropagation (Springenberg, Dosovitskiy, Brox, Riedmiller,
"Striving for Simplicity", 2015, section 3.4), where only what is positive on both ways passes; and
a deconvolution (Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", 2014,
section 2.1), where only the way back counts. Convolutions are transposed and maxima remembered in
all three. Batch norms, which the papers' networks do not have, scale; leaky and
smooth rectifiers count as rectifiers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from streamdet.inspection.layers import feature_map

Way = Literal["gradient", "guided", "deconv"]
Gradient = npt.NDArray[np.float32]
"""(3, H, W), of one response by the values of the network's image, channels in its order."""

FIELD_SHARE: Final = 0.9
"""Of a gradient's magnitude along each axis, what lies within the receptive field."""

_RECTIFIERS: Final = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.SiLU, nn.Hardswish)


@dataclass(frozen=True)
class Response:
    """One cell of a feature map.

    Attributes:
        channel: of the map.
        yx: row and column of the cell.
        value: what stands there.
    """

    channel: int
    yx: tuple[int, int]
    value: float


def strongest(values: Tensor, channel: int, most: int) -> list[Response]:
    """Find the highest responses of a channel, each higher than or equal to its neighbours.

    Args:
        values: (h, w).
        channel: their number, for the result.
        most: how many at the most.

    Returns:
        By falling value, ties row by row; none of a map that is the same everywhere.
    """
    peaks = functional.max_pool2d(values[None], 3, stride=1, padding=1)[0]
    is_peak = (values == peaks) & (values > values.min())
    places = is_peak.nonzero()
    order = values[is_peak].argsort(descending=True, stable=True)[:most]
    return [
        Response(channel, (int(y), int(x)), float(values[y, x])) for y, x in places[order].tolist()
    ]


def gradients(
    network: nn.Module, layer: str, image: Tensor, responses: Sequence[Response], way: Way
) -> list[Gradient]:
    """Follow responses back to the image.

    Args:
        network: see `Subject`.
        layer: whose responses they are.
        image: (1, 3, H, W) normalised.
        responses: see `strongest`.
        way: what rectifiers do.
    """
    seen = image.detach().clone().requires_grad_()
    handles = [
        module.register_forward_hook(_rectifier(way))
        for module in network.modules()
        if isinstance(module, _RECTIFIERS) and way != "gradient"
    ]
    try:
        features = feature_map(network, layer, seen)
    finally:
        for handle in handles:
            handle.remove()
    found = []
    for response in responses:
        value = features[response.channel, response.yx[0], response.yx[1]]
        [gradient] = torch.autograd.grad(value, seen, retain_graph=True)
        found.append(gradient[0].numpy())
    return found


def receptive_field(
    gradient: Gradient, share: float = FIELD_SHARE
) -> tuple[int, int, int, int] | None:
    """Measure where a response looks: the rows and columns that hold most of its gradient.

    With all of it (`share` 1) this is all that moved the response in this image, which in a stack
    of convolutions is the window that ops.receptive_field computes. But the outer parts of a window
    hardly count (Luo et al., "Understanding the Effective Receptive Field", 2016), and networks
    with residuals, pyramids or squeezed channels have windows as large as the image; the share
    means the same for all.

    Args:
        gradient: of the response, as it is (neither guided nor a deconvolution).
        share: of the magnitude, along each axis; what is left out is the same at both ends.

    Returns:
        xyxy in pixels, x2 and y2 exclusive; None where nothing moves the response.
    """
    magnitude = np.abs(gradient).sum(0, dtype=np.float64)
    if not magnitude.any():
        return None
    y1, y2 = _interval(magnitude.sum(1), share)
    x1, x2 = _interval(magnitude.sum(0), share)
    return x1, y1, x2, y2


def _interval(weights: npt.NDArray[np.float64], share: float) -> tuple[int, int]:
    tail = weights.sum() * (1 - share) / 2
    first = int(np.argmax(np.cumsum(weights) > tail))
    last = len(weights) - 1 - int(np.argmax(np.cumsum(weights[::-1]) > tail))
    return first, last + 1


def _rectifier(way: Way) -> Any:
    def rectify(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if way == "deconv":  # the value of the output, the gradient of the input
            output = inputs[0] + (output - inputs[0]).detach()
        output.register_hook(lambda gradient: gradient.clamp(min=0))  # type: ignore[no-untyped-call]
        return output

    return rectify
