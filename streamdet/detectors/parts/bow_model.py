"""A bag-of-visual-words classifier of regions, and its file. K words, C classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.npz_file import read_arrays
from streamdet.errors import ConfigError

Floats = npt.NDArray[np.float32]

_AXES: Final = {
    "words": 2,
    "step": 0,
    "patch": 0,
    "levels": 1,
    "windows_hw": 2,
    "coefficients": 2,
    "biases": 1,
    "scales": 2,
}

DESCRIPTOR: Final = 128
"""Numbers of a SIFT descriptor."""


@dataclass(frozen=True, slots=True)
class BowGeometry:
    """Where words are read and how a region is cut.

    Attributes:
        step: between neighbouring descriptors, pixels.
        patch: side of the square that a descriptor sees, pixels.
        levels: bins a side at each level of the spatial pyramid, the coarsest first.
        windows_hw: sizes of the sliding boxes, pixels.

    Raises:
        ValueError: something is not positive, or there is no level or window.
    """

    step: int = 4
    patch: int = 16
    levels: tuple[int, ...] = (1, 2, 4)
    windows_hw: tuple[tuple[int, int], ...] = ((64, 64), (96, 96), (144, 144))

    def __post_init__(self) -> None:
        """Check that everything is positive."""
        sides = [self.step, self.patch, *self.levels, *(s for hw in self.windows_hw for s in hw)]
        if not self.levels or not self.windows_hw or min(sides) < 1:
            raise ValueError(f"step, patch, levels and windows must be positive, got {self}")

    @property
    def bins(self) -> int:
        """Bins of a region over all levels: 21 for levels of 1, 2 and 4."""
        return sum(level * level for level in self.levels)


@dataclass(frozen=True, slots=True, eq=False)
class BowModel:
    """Words and a linear SVM per class: margin = coefficients . features + bias.

    Attributes:
        geometry: of descriptors and regions.
        words: (K, 128) float32, centres of descriptors.
        coefficients: (C, bins * K) float32, bin by bin.
        biases: (C,) float32.
        scales: (C, 2) float32, half and steepness of each class's `MarginScale`.

    Raises:
        ValueError: shapes disagree.
    """

    geometry: BowGeometry
    words: Floats
    coefficients: Floats
    biases: Floats
    scales: Floats

    def __post_init__(self) -> None:
        """Check that the shapes agree."""
        if self.words.ndim != 2 or self.words.shape[1] != DESCRIPTOR or not len(self.words):
            raise ValueError(f"words must be (K, {DESCRIPTOR}), got {self.words.shape}")
        classes, length = len(self.biases), self.geometry.bins * len(self.words)
        wanted = {"coefficients": (classes, length), "biases": (classes,), "scales": (classes, 2)}
        for name, shape in wanted.items():
            got = getattr(self, name).shape
            if got != shape:
                raise ValueError(f"{name} must be {shape}, got {got}")


def save_bow_model(model: BowModel, path: Path) -> None:
    """Write the .npz file that `load_bow_model` reads: they are inverses."""
    geometry = model.geometry
    arrays: dict[str, Any] = {
        "words": model.words,
        "step": np.array(geometry.step),
        "patch": np.array(geometry.patch),
        "levels": np.array(geometry.levels),
        "windows_hw": np.array(geometry.windows_hw),
        "coefficients": model.coefficients,
        "biases": model.biases,
        "scales": model.scales,
    }
    with path.open("wb") as file:
        np.savez(file, **arrays)


def load_bow_model(path: Path, classes: int) -> BowModel:
    """Read a model of so many classes.

    Raises:
        ConfigError: the file is not such a model; the sentence names the key.
    """
    arrays = read_arrays(path, _AXES)
    if len(arrays["biases"]) != classes:
        raise ConfigError(
            f"{path}: biases must be of {classes} classes, got {len(arrays['biases'])}"
        )
    try:
        geometry = BowGeometry(
            step=int(arrays["step"]),
            patch=int(arrays["patch"]),
            levels=tuple(arrays["levels"].astype(int).tolist()),
            windows_hw=tuple((int(height), int(width)) for height, width in arrays["windows_hw"]),
        )
        numbers = ("words", "coefficients", "biases", "scales")
        return BowModel(geometry, *(arrays[key].astype(np.float32) for key in numbers))
    except ValueError as exc:
        raise ConfigError(f"{path} is no bag of visual words: {exc}") from exc
