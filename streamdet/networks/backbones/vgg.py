"""VGG: Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition".

ICLR 2015; VGG-16 is configuration D of table 1, without batch norm as there.
"""

from __future__ import annotations

from typing import Final

from torch import nn

from streamdet.networks.backbones.architecture import Architecture, FeatureMap, Layers
from streamdet.networks.backbones.convolution import initialize
from streamdet.networks.backbones.normalization import Norm

# Channels and number of the 3x3 convolutions before each of the five poolings.
_CONFIGURATION_D: Final = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def layers(_norm: Norm) -> Layers:
    """Build conv1_1 to pool5; there is no norm layer."""
    stack = nn.Sequential()
    in_channels = 3
    for channels, depth in _CONFIGURATION_D:
        for _ in range(depth):
            stack.extend([nn.Conv2d(in_channels, channels, 3, padding=1), nn.ReLU()])
            in_channels = channels
        stack.append(nn.MaxPool2d(2, stride=2))
    initialize(stack)
    return dict(stack.named_children())


def head(num_classes: int) -> Layers:
    """Build fc6 (classifier.0), fc7 (classifier.3) and fc8 (classifier.6)."""
    classifier = nn.Sequential(
        nn.Linear(512 * 7 * 7, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, num_classes),
    )
    initialize(classifier)
    return {
        "avgpool": nn.AdaptiveAvgPool2d(7),  # 7x7 as it is for a 224x224 image
        "flatten": nn.Flatten(),
        "classifier": classifier,
    }


VGG16: Final = Architecture(
    layers=layers,
    head=head,
    maps=(
        FeatureMap("conv1_2", "3", 1, 64),
        FeatureMap("conv2_2", "8", 2, 128),
        FeatureMap("conv3_3", "15", 4, 256),
        FeatureMap("conv4_3", "22", 8, 512),
        FeatureMap("conv5_3", "29", 16, 512),
        FeatureMap("pool5", "30", 32, 512),
    ),
    norm=None,
    folder="features",
)
