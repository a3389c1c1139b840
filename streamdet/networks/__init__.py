"""Networks in torch: one paper is one file. A worker runs what was exported of them, not these.

Every network is an `nn.Module` whose tensors have fixed shapes, so that it can be exported (see
building/): images in, named tensors out. What a detector does with these tensors stands in
detectors/. Axes: B images, H and W pixels, K detections, P proposals, C classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from torch import Tensor

NODE_DOMAIN: Final = "streamdet"
"""ONNX domain of the nodes that an exported network keeps whole: see nodes.py."""


class Network(Protocol):
    """A detector's network, an `nn.Module`; the options model of its class is its `Options`.

    Constructed as `Network(options, classes, hw)`: the options that a model's configuration states
    under `network`, the number of its classes, the image's height and width in pixels.

    Attributes:
        extra_inputs: inputs beside the image: name -> shape without the batch, e.g.
            {"proposals": (2000, 4)}; float32.
    """

    extra_inputs: dict[str, tuple[int, ...]]

    def __call__(self, image: Tensor, **extra: Tensor) -> dict[str, Tensor]:
        """Run on (B, 3, H, W) float32, normalised as the model's configuration says.

        Returns:
            Tensors of fixed shape by name, the batch first. A network that ends in detections
            gives those that detectors/end_to_end.py lists.
        """
        ...
