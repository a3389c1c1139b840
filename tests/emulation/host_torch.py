"""torch on the CPU in the place of torch's CUDA, on memory of the emulated device."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch

from streamdet.kernels.launch import DeviceArray
from streamdet.runtimes.gpu import Gpu


class HostTorch:
    """See torch_dense.Torch."""

    device = "cpu"

    def __init__(self, gpu: Gpu) -> None:
        """Take the emulated device."""
        self._gpu = gpu

    def tensor(self, array: DeviceArray) -> Any:
        """See the array where it lies."""
        if not array.nbytes:
            return torch.from_numpy(np.empty(array.shape, array.dtype))
        room: Any = (ctypes.c_ubyte * array.nbytes).from_address(array.pointer)
        return torch.from_numpy(np.frombuffer(room, array.dtype).reshape(array.shape))

    def on_stream(self) -> AbstractContextManager[Any]:
        """Wait for what came before: torch works at once."""
        self._gpu.synchronize()
        return nullcontext()

    def captured(self, work: Callable[[], None]) -> Callable[[], None]:
        """Do it each time anew."""
        return work
