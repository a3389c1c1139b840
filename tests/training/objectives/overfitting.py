"""Synthetic images, and what fitting a small network to a few of them shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from streamdet.training.objectives import Objective
from streamdet.training.target import Target

HW = (64, 96)
CLASSES = 2


def target(xyxy: Sequence[Sequence[float]], class_ids: Sequence[int], **fields: Any) -> Target:
    """A target whose classes are all labelled and nothing ignored, unless `fields` say so."""
    known = {
        "ignored": torch.zeros(0, 4),
        "is_labelled": torch.ones(CLASSES, dtype=torch.bool),
        **fields,
    }
    boxes = torch.tensor(xyxy, dtype=torch.float32).reshape(-1, 4)
    return Target(boxes, torch.tensor(class_ids, dtype=torch.int64), **known)


def scene(**fields: Any) -> tuple[Tensor, list[Target]]:
    """Two images: a bright box and a dark one, and a bright box alone."""
    images = 0.1 * torch.randn(2, 3, *HW, generator=torch.Generator().manual_seed(0))
    targets = [
        target([[8, 8, 40, 40], [52, 20, 88, 56]], [0, 1], **fields),
        target([[40, 16, 72, 48]], [0], **fields),
    ]
    for image, known in zip(images, targets, strict=True):
        for box, class_id in zip(known.xyxy.int().tolist(), known.class_ids, strict=True):
            image[:, box[1] : box[3], box[0] : box[2]] += 2.0 - 4.0 * class_id
    return images, targets


def total(losses: dict[str, Tensor]) -> Tensor:
    return torch.stack([*losses.values()]).sum()


def untouched(network: nn.Module, losses: dict[str, Tensor]) -> list[str]:
    """Names of the parameters that no gradient reaches."""
    network.zero_grad()
    total(losses).backward()  # type: ignore[no-untyped-call]
    return [
        name
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    ]


def fitted(
    network: nn.Module, losses: Callable[[], dict[str, Tensor]], steps: int, rate: float
) -> tuple[float, float]:
    """Fit with Adam; the total loss before and after."""
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], rate)
    values = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = total(losses())
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        values.append(float(loss.detach()))
    return values[0], sum(values[-3:]) / 3


def seeded(objective: Objective, images: Tensor, targets: Sequence[Target]) -> dict[str, Tensor]:
    """The losses, with the same chance each time."""
    objective.generator.manual_seed(0)
    return objective(images, targets)
