"""Linear SVMs over the HOG features of windows, one for each view of an object, and their file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.margins import MarginScale
from streamdet.detectors.parts.npz_file import read_arrays
from streamdet.errors import ConfigError
from streamdet.system.atomic_file import written_whole

Sides = tuple[int, int]

_AXES: Final = {
    "coefficients": 1,
    "bias": 0,
    "window_hw": 1,
    "block_hw": 1,
    "block_stride_hw": 1,
    "cell_hw": 1,
    "bins": 0,
    "is_signed": 0,
    "shrink_xy": 1,
    "scale": 1,
}

_MOST_VIEWS: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class HogGeometry:
    """How a window is cut into blocks and cells; Dalal and Triggs (2005), section 6.

    Attributes:
        window_hw: pixels.
        block_hw: pixels; whole cells.
        block_stride_hw: pixels; whole steps from the window's first to its last block.
        cell_hw: pixels.
        bins: orientations of 0 to 180 degrees, signed ones of 0 to 360.
        is_signed: whether dark to bright differs from bright to dark.

    Raises:
        ValueError: a side is not positive, or the parts do not fill the whole.
    """

    window_hw: Sides = (128, 64)
    block_hw: Sides = (16, 16)
    block_stride_hw: Sides = (8, 8)
    cell_hw: Sides = (8, 8)
    bins: int = 9
    is_signed: bool = False

    def __post_init__(self) -> None:
        """Check that cells fill the block and steps of blocks fill the window."""
        sides = (*self.window_hw, *self.block_hw, *self.block_stride_hw, *self.cell_hw, self.bins)
        if min(sides) < 1:
            raise ValueError(f"sides and bins must be positive, got {self}")
        for window, block, stride, cell in zip(
            self.window_hw, self.block_hw, self.block_stride_hw, self.cell_hw, strict=True
        ):
            if block % cell or window < block or (window - block) % stride:
                raise ValueError(f"cells must fill the block, blocks the window, got {self}")

    @property
    def length(self) -> int:
        """Numbers in the descriptor of one window."""
        cells, blocks = 1, 1
        for axis in (0, 1):
            cells *= self.block_hw[axis] // self.cell_hw[axis]
            blocks *= (self.window_hw[axis] - self.block_hw[axis]) // self.block_stride_hw[axis] + 1
        return cells * blocks * self.bins


@dataclass(frozen=True, slots=True, eq=False)
class WindowSvm:
    """Says how much a window looks like the object: margin = coefficients . features + bias.

    Attributes:
        geometry: of the window.
        coefficients: (geometry.length,) float32, in the order of OpenCV's descriptor.
        bias: added to the product.
        shrink_xy: share of the window's width and height cut off each side to get the box.
        scale: from margins to scores.

    Raises:
        ValueError: the number of coefficients is not the geometry's.
    """

    geometry: HogGeometry
    coefficients: npt.NDArray[np.float32]
    bias: float
    shrink_xy: tuple[float, float]
    scale: MarginScale

    def __post_init__(self) -> None:
        """Check that coefficients and geometry agree."""
        if self.coefficients.shape != (self.geometry.length,):
            raise ValueError(
                f"coefficients must be ({self.geometry.length},) for this window,"
                f" got {self.coefficients.shape}"
            )


def save_window_svms(svms: Sequence[WindowSvm], path: Path) -> None:
    """Write the .npz file that `load_window_svms` reads: they are inverses.

    Raises:
        EngineError: it cannot be written.
    """
    arrays: dict[str, Any] = {"views": np.array(len(svms))}
    for number, svm in enumerate(svms):
        arrays |= {f"{key}_{number}": value for key, value in _arrays(svm).items()}
    with written_whole(path) as file:
        np.savez(file, **arrays)


def load_window_svms(path: Path) -> tuple[WindowSvm, ...]:
    """Read the SVMs of a detector, one for each view of its object.

    Raises:
        ConfigError: the file holds no such SVMs; the sentence names the key.
    """
    views = int(read_arrays(path, {"views": 0})["views"])
    if not 1 <= views <= _MOST_VIEWS:
        raise ConfigError(f"{path}: views must be 1 to {_MOST_VIEWS}, got {views}")
    return tuple(_load(path, f"_{number}") for number in range(views))


def _arrays(svm: WindowSvm) -> dict[str, Any]:
    geometry = svm.geometry
    return {
        "coefficients": svm.coefficients.astype(np.float32),
        "bias": np.float64(svm.bias),
        "window_hw": np.array(geometry.window_hw),
        "block_hw": np.array(geometry.block_hw),
        "block_stride_hw": np.array(geometry.block_stride_hw),
        "cell_hw": np.array(geometry.cell_hw),
        "bins": np.array(geometry.bins),
        "is_signed": np.array(int(geometry.is_signed)),
        "shrink_xy": np.array(svm.shrink_xy),
        "scale": np.array([svm.scale.half, svm.scale.steepness]),
    }


def _load(path: Path, ending: str) -> WindowSvm:
    arrays = read_arrays(path, {f"{key}{ending}": axes for key, axes in _AXES.items()})

    def value(key: str) -> npt.NDArray[Any]:
        return arrays[f"{key}{ending}"]

    def two(key: str) -> npt.NDArray[Any]:
        if len(value(key)) != 2:
            raise ConfigError(f"{path}: {key}{ending} must be 2 numbers, got {len(value(key))}")
        return value(key)

    def sides(key: str) -> Sides:
        return int(two(key)[0]), int(two(key)[1])

    try:
        geometry = HogGeometry(
            sides("window_hw"),
            sides("block_hw"),
            sides("block_stride_hw"),
            sides("cell_hw"),
            int(value("bins")),
            bool(value("is_signed")),
        )
        return WindowSvm(
            geometry=geometry,
            coefficients=value("coefficients").astype(np.float32),
            bias=float(value("bias")),
            shrink_xy=(float(two("shrink_xy")[0]), float(two("shrink_xy")[1])),
            scale=MarginScale(float(two("scale")[0]), float(two("scale")[1])),
        )
    except ValueError as exc:
        raise ConfigError(f"{path} holds no SVM over HOG features: {exc}") from exc
