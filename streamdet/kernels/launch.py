"""What a kernel gets: arrays in device memory in, launches out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

THREADS: Final = 256
"""Of a block, in every kernel whose file in engines/kernels says nothing else."""

RANKED: Final = 32
"""Candidates of a block in kernels that rank them (rank.cuh)."""


@dataclass(frozen=True, slots=True)
class DeviceArray:
    """An array in device memory, contiguous, rows from the first axis on.

    Attributes:
        pointer: address of its first value; 0 if it is empty.
        shape: values along each axis.
        dtype: of a value.
    """

    pointer: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """How many bytes it takes."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class Launch:
    """A kernel with its launch parameters, as cuLaunchKernel takes them.

    Attributes:
        kernel: name of the `__global__` function in the PTX.
        grid: blocks along x, y, z.
        block: threads of a block along x, y, z.
        arguments: in the function's order; an address is a uint64.
        shared_bytes: dynamic shared memory of a block.
    """

    kernel: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    arguments: tuple[np.generic, ...]
    shared_bytes: int = 0


def address(array: DeviceArray | None) -> np.uint64:
    """The argument that stands for an array; 0 for none."""
    return np.uint64(0 if array is None else array.pointer)


def check_array(name: str, array: DeviceArray, dtype: Any, *shape: int | None) -> None:
    """Refuse an array that a kernel would misread.

    Args:
        name: what the sentence calls it.
        array: the array.
        dtype: what its values must be.
        shape: how long each axis must be; None: as it is.

    Raises:
        ValueError: it is another one.
    """
    is_wanted = len(array.shape) == len(shape) and all(
        wanted in (None, found) for wanted, found in zip(shape, array.shape, strict=True)
    )
    if not is_wanted or array.dtype != dtype:
        axes = ", ".join("any" if wanted is None else str(wanted) for wanted in shape)
        raise ValueError(
            f"{name} must be ({axes}) {np.dtype(dtype)}, got {array.shape} {array.dtype}"
        )


def blocks(items: int, per_block: int = THREADS) -> int:
    """How many blocks hold so many items."""
    return -(-items // per_block)
