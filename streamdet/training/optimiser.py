"""The optimiser of a recipe, and its learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from streamdet.errors import ConfigError
from streamdet.networks.backbones.backbone import Backbone
from streamdet.networks.csp_darknet import CspDarknet
from streamdet.networks.es_net import EsNet
from streamdet.training.recipe import Optimiser, Schedule


def make_optimiser(network: nn.Module, options: Optimiser) -> Optimizer:
    """Make the optimiser of all weights that are not frozen.

    Norms and biases, which have one axis, do not decay.

    Raises:
        ConfigError: nothing is left to be trained, or `frozen` names nothing.
    """
    names = [name for name, _ in network.named_parameters()]
    for start in options.frozen:
        if not any(name.startswith(start) for name in names):
            raise ConfigError(f"optimiser.frozen: no weights begin with {start!r}, as {names[0]}")
    bodies = [each for each in network.modules() if isinstance(each, (Backbone, CspDarknet, EsNet))]
    backbone = {id(parameter) for body in bodies for parameter in body.parameters()}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if name.startswith(options.frozen):
            parameter.requires_grad_(False)
        elif parameter.requires_grad:
            decay = options.weight_decay if parameter.ndim > 1 else 0.0
            share = options.backbone_rate if id(parameter) in backbone else 1.0
            groups.setdefault((decay, share), []).append(parameter)
    if not groups:
        raise ConfigError("optimiser.frozen: nothing is left to be trained")
    stated: list[dict[str, Any]] = [
        {"params": parameters, "weight_decay": decay, "share": share}
        for (decay, share), parameters in groups.items()
    ]
    if options.kind == "sgd":
        return SGD(
            stated, lr=options.rate, momentum=options.momentum, nesterov=options.momentum > 0
        )
    return AdamW(stated, lr=options.rate, betas=(options.momentum, 0.999))


def frozen_modules(network: nn.Module, starts: Sequence[str]) -> list[nn.Module]:
    """List the modules whose norms must keep their statistics, by the beginnings of names."""
    return [
        module
        for name, module in network.named_modules()
        if name and f"{name}.".startswith(tuple(start.rstrip(".") + "." for start in starts))
    ]


def rate_share(step: int, steps: int, options: Schedule) -> float:
    """Give the learning rate of a step, as a share of the highest.

    Args:
        step: from 0.
        steps: of the whole training.
        options: linear rise, then half a cosine.
    """
    warmup = min(options.warmup_steps, steps // 2)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    way = (step - warmup) / max(1, steps - 1 - warmup)
    return options.last_rate + (1 - options.last_rate) * (1 + math.cos(math.pi * way)) / 2


def set_rate(optimiser: Optimizer, rate: float) -> None:
    """Set the learning rate, of each group by its share."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["share"]


def clip(network: nn.Module, longest: float | None) -> float:
    """Shorten the gradient of all weights to `longest`; returns how long it was."""
    parameters = [each for each in network.parameters() if each.grad is not None]
    limit = math.inf if longest is None else longest
    return float(torch.nn.utils.clip_grad_norm_(parameters, limit))
