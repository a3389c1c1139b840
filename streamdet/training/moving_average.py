"""Exponential moving average of weights: Polyak and Juditsky, 1992; as in Tan and Le, 2019."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn


class MovingAverage:
    """A copy of a network whose weights follow it slowly, at first faster.

    After n updates the share of the old is min(decay, (1 + n) / (10 + n)), as in TensorFlow's
    ExponentialMovingAverage. Statistics of norms follow too; whole numbers are copied.

    Attributes:
        network: the copy, in evaluation mode.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Start with the network's weights."""
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, updates: int) -> None:
        """Follow the network; `updates` counts those before this one."""
        share = min(self._decay, (1 + updates) / (10 + updates))
        average, current = self.network.state_dict(), network.state_dict()
        floats = [name for name, value in average.items() if value.is_floating_point()]
        torch._foreach_lerp_(
            [average[name] for name in floats], [current[name] for name in floats], 1 - share
        )
        for name in average.keys() - set(floats):
            average[name].copy_(current[name])

    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights."""
        return self.network.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take weights."""
        self.network.load_state_dict(state)
