"""Arrays to the device and back, and launches on it, for tests of kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.kernels.launch import DeviceArray, Launch

POISON = 0xA5
"""Every byte of memory that a kernel has not written: a number that none of them writes."""


class OnDevice:
    """Device memory of one test, and the kernels of one file.

    Arrays go to addresses of their own with POISON around them, which `check_margins` looks at.

    Attributes:
        driver: PyCUDA's.
        module: the kernels.
    """

    def __init__(self, driver: Any, module: Any) -> None:
        """Take PyCUDA's driver, in whose current context `module` is loaded."""
        self.driver, self.module = driver, module
        self._held: list[tuple[Any, int]] = []

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> DeviceArray:
        """Make an array of POISON."""
        array = DeviceArray(0, shape, np.dtype(dtype))
        return DeviceArray(self.reserve(array.nbytes), shape, array.dtype)

    def reserve(self, size: int) -> int:
        """Make memory of POISON, with margins; returns its address."""
        held = self.driver.mem_alloc(size + 2 * _MARGIN)
        self.driver.memset_d8(int(held), POISON, size + 2 * _MARGIN)
        self._held.append((held, size))
        return int(held) + _MARGIN

    def put(self, array: npt.NDArray[Any]) -> DeviceArray:
        """Copy an array to the device."""
        made = self.empty(array.shape, array.dtype)
        if array.size:
            self.driver.memcpy_htod(made.pointer, np.ascontiguousarray(array))
        return made

    def get(self, array: DeviceArray) -> npt.NDArray[Any]:
        """Copy an array from the device."""
        found = np.empty(array.shape, array.dtype)
        if found.size:
            self.driver.memcpy_dtoh(found, array.pointer)
        return found

    def run(self, launches: list[Launch]) -> None:
        """Launch kernels one after the other, wait, and look whether they wrote beside arrays."""
        for launch in launches:
            function = self.module.get_function(launch.kernel)
            function(
                *launch.arguments, grid=launch.grid, block=launch.block, shared=launch.shared_bytes
            )
        self.driver.Context.synchronize()
        self.check_margins()

    def check_margins(self) -> None:
        """Assert that nothing was written just before or behind an array."""
        for held, size in self._held:
            for start in (int(held), int(held) + _MARGIN + size):
                margin = np.empty(_MARGIN, np.uint8)
                self.driver.memcpy_dtoh(margin, start)
                assert (margin == POISON).all(), "a kernel wrote beside an array"


_MARGIN = 256
