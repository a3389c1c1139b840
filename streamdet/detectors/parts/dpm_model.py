"""A mixture of deformable part models: what its files tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A filter at twice the root's resolution that may move.

    Attributes:
        weights: (h, w, 32) float32.
        anchor_xy: cells of the finer level from the root's corner.
        deformation: (4,) float32: cost a dx^2 + b dx + c dy^2 + d dy of anchor less place.
    """

    weights: Floats
    anchor_xy: tuple[int, int]
    deformation: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Component:
    """One aspect of the object: score = root + parts - deformations + bias + location.

    Attributes:
        root: (h, w, 32) float32.
        bias: added to the score.
        location: added in the pyramid's first octave, and in the others.
        window_hw: the object's height and width, cells of the root's level.
    """

    root: Floats
    parts: tuple[Part, ...]
    bias: float
    location: tuple[float, float]
    window_hw: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Components of which the best one counts.

    Attributes:
        cell: side of a root's cell, pixels.
        interval: levels in an octave.
        padding_hw: cells around the image that a filter may cover.

    Raises:
        ValueError: no component; a filter has not 32 channels; parts differ in size; a part's
            quadratic cost is not positive; something is not finite.
    """

    cell: int
    interval: int
    padding_hw: tuple[int, int]
    components: tuple[Component, ...]

    def __post_init__(self) -> None:
        """Check what the arithmetic relies on."""
        if not self.components or min(self.cell // 2, self.interval, *self.padding_hw) < 1:
            raise ValueError("wanted components, and a cell, interval and padding of at least 1")
        parts = [part for component in self.components for part in component.parts]
        filters = [part.weights for part in parts] + [one.root for one in self.components]
        for weights in filters:
            if weights.ndim != 3 or weights.shape[2] != 32:
                raise ValueError(f"a filter must be (h, w, 32), got {weights.shape}")
            _check_finite("a filter", weights)
        if len({part.weights.shape for part in parts}) != 1:
            raise ValueError("wanted parts, all of one size")
        for part in parts:
            _check_finite("a deformation", part.deformation)
            if part.deformation.shape != (4,) or min(part.deformation[[0, 2]]) <= 0:
                raise ValueError(f"a part's quadratic costs must be > 0, got {part.deformation}")


def _check_finite(name: str, values: npt.NDArray[Any]) -> None:
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must hold finite numbers")
