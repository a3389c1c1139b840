"""Batch norms that exporting has folded into convolutions, found again so that training goes on.

A convolution with the weights w and the bias b is one with the weights w / s before a norm with the
scale s, the bias b, mean 0 and variance 1, whatever s is. With s = sqrt(3) |w| of each output, the
weights are as large as torch draws them, so one learning rate suits all; folded, those of YOLOX's
first layer are a hundred times smaller. In training a norm divides by the statistics of the batch:
`measure_norms` measures them on images and changes scale and bias so that nothing else changes.
Ioffe, Szegedy, "Batch Normalization", 2015, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from streamdet.networks.backbones.normalization import FrozenBatchNorm2d

NORMS: Final = (nn.BatchNorm2d, FrozenBatchNorm2d)
"""What exporting folds."""

_LEAST: Final = 1e-6


class Convolution(NamedTuple):
    """A convolution of a network, and the norm that comes after it; None: there is none."""

    name: str
    norm: tuple[str, nn.BatchNorm2d | FrozenBatchNorm2d] | None


def computed(network: nn.Module, hw: tuple[int, int]) -> Iterator[Convolution]:
    """List the convolutions of a network in the order in which they compute.

    Args:
        network: of ours, see `networks.Network`.
        hw: height and width of its images.
    """
    order: list[tuple[str, nn.Module]] = []
    hooks = [
        part.register_forward_pre_hook(lambda part, _, name=name: order.append((name, part)))
        for name, part in network.named_modules()
        if isinstance(part, (nn.Conv2d, *NORMS))
    ]
    device, was_training = next(network.parameters()).device, network.training
    with torch.no_grad():
        _run(network.eval(), torch.zeros(1, 3, *hw, device=device))
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    for (name, part), (next_name, after) in zip(order, [*order[1:], ("", network)], strict=True):
        if isinstance(part, nn.Conv2d):
            yield Convolution(name, (next_name, after) if isinstance(after, NORMS) else None)


def unfolded(convolution: Convolution, weight: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """Give a convolution and its norm the weights of a folded convolution, by name.

    Args:
        convolution: of the network.
        weight: (out, in / groups, k, k).
        bias: (out,).
    """
    if convolution.norm is None:
        return {f"{convolution.name}.weight": weight, f"{convolution.name}.bias": bias}
    name, norm = convolution.norm
    scale = (3**0.5 * weight.flatten(1).norm(dim=1)).clamp(min=_LEAST)
    return {
        f"{convolution.name}.weight": weight / scale[:, None, None, None],
        f"{name}.weight": scale,
        f"{name}.bias": bias,
        f"{name}.running_mean": torch.zeros_like(bias),
        f"{name}.running_var": torch.full_like(bias, 1 - norm.eps),
    }


@torch.no_grad()
def measure_norms(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Give the batch norms of a network the statistics of images, and change nothing else.

    Args:
        network: computes the same afterwards, but for rounding.
        batches: (B, 3, H, W) each, as the network wants them; without any nothing changes.
    """
    statistics = {
        part: _Statistics() for part in network.modules() if isinstance(part, nn.BatchNorm2d)
    }
    if not statistics:
        return
    hooks = [norm.register_forward_pre_hook(each.add) for norm, each in statistics.items()]
    was_training = network.training
    network.eval()
    for images in batches:
        _run(network, images)
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    for norm, each in statistics.items():
        if each.count:
            _take_statistics(norm, each.total / each.count, each.squares / each.count)


def _run(network: nn.Module, images: Tensor) -> None:
    """Run on images (B, 3, H, W); other inputs are zeros: no norm is behind them."""
    extra: dict[str, tuple[int, ...]] = getattr(network, "extra_inputs", {})
    network(images, **{name: images.new_zeros(len(images), *shape)
                       for name, shape in extra.items()})  # fmt: skip


class _Statistics:
    """Sums over what comes into a norm, by channel."""

    def __init__(self) -> None:
        self.count = 0
        self.total = torch.zeros(())
        self.squares = torch.zeros(())

    def add(self, _norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].double()
        self.count += values[:, 0].numel()
        self.total = self.total + values.sum(dim=(0, 2, 3))
        self.squares = self.squares + (values**2).sum(dim=(0, 2, 3))


def _take_statistics(norm: nn.BatchNorm2d, mean: Tensor, square: Tensor) -> None:
    """Change a norm's statistics, and its scale and bias so that it gives the same."""
    variance = (square - mean**2).clamp(min=0)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    slope = norm.weight / (norm.running_var + norm.eps).sqrt()
    norm.bias.add_(slope * (mean - norm.running_mean))
    norm.weight.copy_(slope * (variance + norm.eps).sqrt())
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
