"""What one line of the table of backbones says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from streamdet.networks.backbones.normalization import Norm

Layers = dict[str, nn.Module]
"""Layers by name, each fed with the output of the one before it."""


class FeatureMap(NamedTuple):
    """One output of a backbone.

    Attributes:
        name: what the paper, or else torchvision, calls it.
        layer: the layer of the backbone whose output it is.
        stride: image pixels per cell.
        channels: features per cell.
    """

    name: str
    layer: str
    stride: int
    channels: int


class Architecture(NamedTuple):
    """A network of a paper, as the layers that make its maps and the head that classifies.

    Attributes:
        layers: from a norm to new layers, images (B, 3, H, W) in, last map out.
        head: from a number of classes to new layers, last map in, logits out.
        maps: the maps that a head may read, finest first.
        norm: the norm layer of the paper; None where it has none.
        folder: the module that holds `layers` in torchvision's classifier; empty: none does.
        training_only: modules of torchvision's weights that only training needs; not built here.
    """

    layers: Callable[[Norm], Layers]
    head: Callable[[int], Layers]
    maps: tuple[FeatureMap, ...]
    norm: Norm | None
    folder: str = ""
    training_only: tuple[str, ...] = ()
