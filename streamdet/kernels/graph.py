"""A CUDA graph: what is told to a stream once, and then done again by one call."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Final

from streamdet.kernels.driver import LIBRARY, call, load_driver

_RELAXED: Final = 2  # CU_STREAM_CAPTURE_MODE_RELAXED: libraries may take memory meanwhile


class CapturedGraph:
    """Work on a stream, captured in the current context; it lives as long as the process."""

    def __init__(self, stream: int, work: Callable[[], None], library: str = LIBRARY) -> None:
        """Capture the work; nothing of it is done yet.

        Args:
            stream: address of a CUstream, not the default one.
            work: tells everything to that stream, and waits for nothing.
            library: CUDA's driver.

        Raises:
            EngineError: the driver refuses something, or `work` raises it.
        """
        self._driver, self._stream = load_driver(library), ctypes.c_void_p(stream)
        graph = ctypes.c_void_p()
        call(self._driver, "cuStreamBeginCapture_v2", self._stream, _RELAXED)
        try:
            work()
        finally:
            call(self._driver, "cuStreamEndCapture", self._stream, ctypes.byref(graph))
        self._graph = ctypes.c_void_p()
        flags = ctypes.c_ulonglong(0)
        call(self._driver, "cuGraphInstantiateWithFlags", ctypes.byref(self._graph), graph, flags)
        call(self._driver, "cuGraphDestroy", graph)

    def launch(self) -> None:
        """Have it done on its stream, after what came before.

        Raises:
            EngineError: the driver refuses it.
        """
        call(self._driver, "cuGraphLaunch", self._graph, self._stream)
