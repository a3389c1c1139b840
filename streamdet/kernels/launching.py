"""Starts kernels through CUDA's driver API, in the context and on the stream of whoever calls."""

from __future__ import annotations

import ctypes
from typing import Any, Final

import numpy as np

from streamdet.errors import EngineError
from streamdet.kernels.launch import Launch

LIBRARY: Final = "libcuda.so.1"


class Kernels:
    """The kernels of one PTX text, loaded into the current context."""

    def __init__(self, ptx: bytes, library: str = LIBRARY) -> None:
        """Load them.

        Raises:
            EngineError: there is no driver, or it refuses the PTX.
        """
        try:
            self._driver = ctypes.CDLL(library)
        except OSError as exc:
            raise EngineError(f"no NVIDIA driver is installed: {exc}") from exc
        self._module = ctypes.c_void_p()
        self._functions: dict[str, ctypes.c_void_p] = {}
        self._call("cuModuleLoadData", ctypes.byref(self._module), ptx + b"\0")

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
        self._call(
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
            self._call("cuModuleGetFunction", ctypes.byref(found), self._module, name.encode())
            self._functions[name] = found
        return self._functions[name]

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._driver, name)(*arguments)
        if code:
            raise EngineError(f"{name} failed: the driver answered {code}")
