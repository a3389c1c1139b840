"""Norm layers beside torch's own: two that learn nothing from the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]
"""From a number of channels to a layer that normalises them."""


class FrozenBatchNorm2d(nn.Module):
    """Batch norm with fixed statistics, scale and bias: (x - mean) / sqrt(var + eps) * w + b.

    Ioffe, Szegedy, "Batch Normalization", 2015, algorithm 2. Detectors are trained with a few
    images a batch, too few to estimate statistics from, so they keep those of ImageNet.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        """Start as the identity (but for eps).

        Args:
            channels: of the maps (B, channels, H, W).
            eps: added to the variance. Torchvision's published v1 weights of detectors on
                ResNet-50 were trained with 0.
        """
        super().__init__()
        self.eps = eps
        for name, value in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            self.register_buffer(name, torch.full((channels,), float(value)))

    def forward(self, features: Tensor) -> Tensor:
        """Normalise (B, channels, H, W)."""
        # Not as product and sum: the runtimes fold this node into the convolution before it. And
        # not by torch.nn.functional, whose check refuses an eps of 0.
        return torch.batch_norm(
            features,
            self.weight,
            self.bias,
            self.running_mean,
            self.running_var,
            training=False,
            momentum=0.0,
            eps=self.eps,
            cudnn_enabled=torch.backends.cudnn.enabled,
        )

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *rest: Any, **named: Any
    ) -> None:
        # A BatchNorm2d also counts batches; nothing here needs the count.
        state_dict.pop(f"{prefix}num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *rest, **named)


class ChannelBias(nn.Module):
    """What is left of a batch norm whose scale is folded into the convolution before it."""

    def __init__(self, channels: int) -> None:
        """Start as the identity."""
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Shift each channel of (B, channels, H, W)."""
        return features + self.bias[:, None, None]
