"""MobileNetV2 weights that carry numbers, as files made from TensorFlow Lite's have them.

`NN.weight` (out, in / groups, k, k), `NN.bias` (out,) and `NN.meta` int32 [stride, is depthwise,
has ReLU6] of 52 convolutions in graph order, batch norm folded into them, and of 52, the fully
connected layer. Class 0 of 1001 is the background.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from streamdet.networks.backbones import classifier

NETWORK: Final = "mobilenet_v2_same"
"""The architecture that these weights are for: TensorFlow's padding, biases for batch norms."""


def named_weights(numbered: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename numbered weights to those of `classifier("mobilenet_v2_same")`.

    The order fixes what a `meta` says: it is left out. A number that the network does not have
    keeps its key, for the loader to refuse.
    """
    names = _names()
    named = {}
    for key, tensor in numbered.items():
        kind = key.partition(".")[2]
        if kind != "meta":
            named[names.get(key, key)] = tensor.flatten(1) if key == "52.weight" else tensor
    return named


def _names() -> dict[str, str]:
    with torch.device("meta"):  # only the names are wanted
        network = classifier(NETWORK)
    names = {}
    convolutions = [name for name, part in network.named_modules() if isinstance(part, nn.Conv2d)]
    for number, convolution in enumerate(convolutions):
        folder, _, place = convolution.rpartition(".")
        names[f"{number:02}.weight"] = f"{convolution}.weight"
        names[f"{number:02}.bias"] = f"{folder}.{int(place) + 1}.bias"  # of the norm after it
    names |= {f"52.{kind}": f"classifier.1.{kind}" for kind in ("weight", "bias")}
    return names
