"""Models kept as .npz: named arrays of numbers, never pickled objects."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.errors import ConfigError

Arrays = dict[str, npt.NDArray[Any]]


def read_arrays(path: Path, axes: Mapping[str, int]) -> Arrays:
    """Read the arrays that a model needs.

    Args:
        path: the .npz file.
        axes: key -> number of axes that its array must have.

    Raises:
        ConfigError: no such file, not .npz, pickled objects, a key is missing, an array has
            another number of axes or holds what is not a finite number.
    """
    try:
        with path.open("rb") as raw, np.lib.npyio.NpzFile(raw, allow_pickle=False) as file:
            return {key: _checked(path, key, file, n) for key, n in axes.items()}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as exc:
        raise ConfigError(f"{path} must be an .npz of plain arrays: {exc}") from exc


def _checked(path: Path, key: str, file: Any, wanted: int) -> npt.NDArray[Any]:
    if key not in file.files:
        raise ConfigError(f"{path} has no array {key!r}")
    array: npt.NDArray[Any] = file[key]
    if array.ndim != wanted:
        raise ConfigError(f"{path}: {key} must have {wanted} axes, got shape {array.shape}")
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        raise ConfigError(f"{path}: {key} must be finite numbers")
    return array
