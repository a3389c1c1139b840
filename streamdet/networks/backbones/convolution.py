"""A convolution with its norm and activation, as torchvision's weights name the three: 0, 1, 2."""

from __future__ import annotations

from torch import nn

from streamdet.networks.backbones.normalization import Norm


def padded_conv(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Make a convolution that keeps the size at stride 1; its bias is left to the norm after it."""
    return nn.Conv2d(
        in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
    )


def conv_norm(
    convolution: nn.Conv2d, norm: Norm, activation: nn.Module | None = None
) -> nn.Sequential:
    """Chain a convolution, a norm of its channels and, unless the output is linear, a function."""
    chain = nn.Sequential(convolution, norm(convolution.out_channels))
    if activation:
        chain.append(activation)
    return chain


def initialize(network: nn.Module) -> None:
    """Draw the weights of every convolution and fully connected layer anew.

    He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", 2015, section 2.2 (backward case): the
    scale of the gradients survives any depth. Fully connected layers: normal, deviation 0.01.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
