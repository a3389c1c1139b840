"""Objectives: what a network is fitted to, one paper a file; `registry.OBJECTIVES` has the table.

An objective assigns targets to the outputs of a network and measures how far these are from them.
B images, H and W their sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from streamdet.training.target import Target


class Objective(Protocol):
    """The losses of a kind of network; the options model of its class is its `Options`.

    Constructed as `Objective(network, options)`.

    Attributes:
        generator: the only chance in it (what is sampled), on the CPU. Its owner seeds it, or keeps
            its state with a checkpoint, so that a run goes on as if it had never stopped. Dropout
            is the network's, and draws from torch's own generator.
    """

    generator: torch.Generator

    def __call__(self, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Compute the losses of (B, 3, H, W), normalised as the model's configuration says.

        Args:
            images: on the network's device; the network is in training mode.
            targets: of each image, on the same device.

        Returns:
            Named scalars, the same names each time; their sum is to be minimised.
        """
        ...
