"""CUDA's driver API through ctypes: starts kernels in the caller's context and on its stream."""

from __future__ import annotations

import ctypes
from typing import Any, Final

import numpy as np

from streamdet.errors import EngineError
from streamdet.kernels.launch import Launch

LIBRARY: Final = "libcuda.so.1"

LEAST_CUDA: Final = 13000
"""As cuDriverGetVersion says it: the oldest driver that takes our PTX (nvcc 13.0, PTX 9.0)."""


def load_driver(library: str = LIBRARY) -> Any:
    """Load the driver.

    Raises:
        EngineError: there is none.
    """
    try:
        return ctypes.CDLL(library)
    except OSError as exc:
        raise EngineError(f"no NVIDIA driver is installed: {exc}") from exc


def call(driver: Any, name: str, *arguments: Any) -> None:
    """Call a function of the driver.

    Raises:
        EngineError: it fails.
    """
    if code := getattr(driver, name)(*arguments):
        raise EngineError(f"the NVIDIA driver fails: {name} answered {code}")


def why_too_old(version: int) -> str:
    """Say why a driver cannot run our kernels, given its CUDA version; "" where it can.

    Args:
        version: as cuDriverGetVersion says it: 13000 for CUDA 13.0.
    """
    if version >= LEAST_CUDA:
        return ""
    return (
        f"the NVIDIA driver is too old: it has CUDA {_dotted(version)}, our kernels need CUDA"
        f" {_dotted(LEAST_CUDA)} or newer (NVIDIA driver 580): update it"
    )


def _dotted(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


class Kernels:
    """The kernels of one PTX text, loaded into the current context."""

    def __init__(self, ptx: bytes, library: str = LIBRARY) -> None:
        """Load them.

        Raises:
            EngineError: there is no driver, or it refuses the PTX.
        """
        self._driver = load_driver(library)
        self._module = ctypes.c_void_p()
        self._functions: dict[str, ctypes.c_void_p] = {}
        call(self._driver, "cuModuleLoadData", ctypes.byref(self._module), ptx + b"\0")

    def start(self, launch: Launch, stream: int) -> None:
        """Start a kernel; returns at once.

        Args:
            launch: what is started.
            stream: address of a CUstream; 0 for the default one.

        Raises:
            EngineError: the driver refuses it.
        """
        held = [np.asarray(each) for each in launch.arguments]
        pointers = (ctypes.c_void_p * len(held))(*(each.ctypes.data for each in held))
        call(
            self._driver,
            "cuLaunchKernel",
            self._function(launch.kernel),
            *(ctypes.c_uint(side) for side in (*launch.grid, *launch.block, launch.shared_bytes)),
            ctypes.c_void_p(stream),
            pointers,
            None,
        )

    def _function(self, name: str) -> ctypes.c_void_p:
        if name not in self._functions:
            found = ctypes.c_void_p()
            call(
                self._driver,
                "cuModuleGetFunction",
                ctypes.byref(found),
                self._module,
                name.encode(),
            )
            self._functions[name] = found
        return self._functions[name]
