"""Feature extractors, by name: as classifiers, and as backbones whose maps a head reads.

The classifiers carry torchvision's names, so its published weights load unchanged; a backbone
carries the names that the body of a torchvision detector has.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from torch import Tensor, nn

from streamdet.networks.backbones import (
    alexnet,
    googlenet,
    mobilenet_v2,
    mobilenet_v3,
    resnet,
    vgg,
)
from streamdet.networks.backbones.architecture import Architecture
from streamdet.networks.backbones.backbone import Backbone
from streamdet.networks.backbones.normalization import Norm

__all__ = ["ARCHITECTURES", "backbone", "body_weights", "classifier", "classifier_weights"]

ARCHITECTURES: Final[Mapping[str, Architecture]] = MappingProxyType(
    {
        "alexnet": alexnet.ALEXNET,
        "vgg16": vgg.VGG16,
        "googlenet": googlenet.GOOGLENET,
        "resnet18": resnet.RESNET18,
        "resnet34": resnet.RESNET34,
        "resnet50": resnet.RESNET50,
        "resnet101": resnet.RESNET101,
        "mobilenet_v2": mobilenet_v2.MOBILENET_V2,
        "mobilenet_v2_same": mobilenet_v2.MOBILENET_V2_SAME,
        "mobilenet_v3_large": mobilenet_v3.LARGE,
        "mobilenet_v3_small": mobilenet_v3.SMALL,
    }
)


def classifier(name: str, *, num_classes: int = 1000, norm: Norm | None = None) -> nn.Sequential:
    """Build the whole network of a paper: images (B, 3, H, W) to logits (B, num_classes).

    Args:
        name: one of `ARCHITECTURES`.
        num_classes: outputs of the last layer; ImageNet has 1000.
        norm: makes a layer that normalises so many channels; None takes the architecture's own.

    Raises:
        ValueError: no architecture has this name, or a norm is given to one that has none.
    """
    architecture = _architecture(name)
    layers = architecture.layers(_norm(name, norm))
    if architecture.folder:
        layers = {architecture.folder: nn.Sequential(OrderedDict(layers))}
    return nn.Sequential(OrderedDict({**layers, **architecture.head(num_classes)}))


def backbone(name: str, *, maps: Sequence[str] | None = None, norm: Norm | None = None) -> Backbone:
    """Build the layers of a network up to the last of the maps that a head reads.

    Args:
        name: one of `ARCHITECTURES`.
        maps: names out of the architecture's table, finest first; None takes the last one.
        norm: as in `classifier`.

    Raises:
        ValueError: no architecture or no map has this name, or the architecture has no norm.
    """
    architecture = _architecture(name)
    table = {feature_map.name: feature_map for feature_map in architecture.maps}
    wanted = maps or [architecture.maps[-1].name]
    for unknown in set(wanted) - set(table):
        raise ValueError(f"{name} has the maps {', '.join(table)}, got {unknown!r}")
    return Backbone(
        architecture.layers(_norm(name, norm)), [table[map_name] for map_name in wanted]
    )


def classifier_weights(name: str, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out of torchvision's weights what only training needs: aux1.* and aux2.* of GoogLeNet.

    Raises:
        ValueError: no architecture has this name.
    """
    left_out = _architecture(name).training_only
    return {key: weight for key, weight in published.items() if _part(key) not in left_out}


def body_weights(name: str, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Cut the weights of a classifier down to those of its backbone.

    Only what stands under the names of the head is left out besides; a key that the architecture
    does not know stays, for the loader to refuse.

    Raises:
        ValueError: no architecture has this name.
    """
    folder = _architecture(name).folder
    return {
        key.removeprefix(f"{folder}."): weight
        for key, weight in classifier_weights(name, published).items()
        if _part(key) not in ("fc", "classifier")
    }


def _part(key: str) -> str:
    return key.partition(".")[0]


def _architecture(name: str) -> Architecture:
    if name not in ARCHITECTURES:
        raise ValueError(f"name must be one of {', '.join(ARCHITECTURES)}, got {name!r}")
    return ARCHITECTURES[name]


def _norm(name: str, norm: Norm | None) -> Norm:
    own = ARCHITECTURES[name].norm
    if norm and not own:
        raise ValueError(f"{name} has no norm layers, got {norm}")
    return norm or own or nn.Identity
