"""AlexNet: Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.

The one-tower form (section 5) of the network of Krizhevsky, Sutskever, Hinton, "ImageNet
Classification with Deep Convolutional Neural Networks", NIPS 2012, without its response
normalisation. conv4 has 256 channels as in torchvision (384 in 2012).
"""

from __future__ import annotations

from typing import Final

from torch import nn

from streamdet.networks.backbones.architecture import Architecture, FeatureMap, Layers
from streamdet.networks.backbones.convolution import initialize
from streamdet.networks.backbones.normalization import Norm


def layers(_norm: Norm) -> Layers:
    """Build conv1 to pool5; there is no norm layer."""
    stack = nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
    )
    initialize(stack)
    return dict(stack.named_children())


def head(num_classes: int) -> Layers:
    """Build fc6 (classifier.1), fc7 (classifier.4) and fc8 (classifier.6)."""
    classifier = nn.Sequential(
        nn.Dropout(),
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, num_classes),
    )
    initialize(classifier)
    return {
        "avgpool": nn.AdaptiveAvgPool2d(6),  # 6x6 as it is for a 224x224 image
        "flatten": nn.Flatten(),
        "classifier": classifier,
    }


ALEXNET: Final = Architecture(
    layers=layers,
    head=head,
    maps=(
        FeatureMap("conv1", "1", 4, 64),
        FeatureMap("conv2", "4", 8, 192),
        FeatureMap("conv3", "7", 16, 384),
        FeatureMap("conv4", "9", 16, 256),
        FeatureMap("conv5", "11", 16, 256),
        FeatureMap("pool5", "12", 32, 256),
    ),
    norm=None,
    folder="features",
)
