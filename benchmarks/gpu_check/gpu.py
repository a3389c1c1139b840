"""A GPU, or the emulated one: arrays of torch on it, kernels started on them, and their times."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import Tensor

from streamdet.config.files import shipped
from streamdet.errors import EngineError
from streamdet.kernels.driver import Kernels
from streamdet.kernels.launch import DeviceArray, Launch
from streamdet.kernels.ptx import names, ptx

COPIES: Final = 20
"""Of the same work in one CUDA graph, so that Python's time for a launch is not measured."""
ROUNDS: Final = 7
_COPIED_BYTES: Final = 1 << 29


class Gpu(Protocol):
    """Where kernels run.

    Attributes:
        name: what the device calls itself.
        device: of torch, for its arrays.
        is_emulated: whether a CPU plays the device; then no time means anything.
    """

    name: str
    device: torch.device
    is_emulated: bool

    def run(self, file: str, launches: Sequence[Launch]) -> None:
        """Start kernels of a file of engines/kernels, one after the other, and wait."""
        ...

    def start(self, file: str, launches: Sequence[Launch]) -> None:
        """Start kernels on torch's stream; returns at once."""
        ...


def on_gpu(tensor: Tensor) -> DeviceArray:
    """Describe a contiguous array of torch to a kernel."""
    dtype = np.dtype(str(tensor.dtype).removeprefix("torch."))
    return DeviceArray(tensor.data_ptr() if tensor.numel() else 0, tuple(tensor.shape), dtype)


class RealGpu:
    """The first GPU that torch sees."""

    is_emulated = False

    def __init__(self) -> None:
        """Wake it.

        Raises:
            EngineError: there is none.
        """
        if not torch.cuda.is_available():
            why = "this torch is built without CUDA" if torch.version.cuda is None else "no driver"
            raise EngineError(f"torch sees no GPU on this machine ({why}), so nothing was checked")
        self.device = torch.device("cuda:0")
        self.name = torch.cuda.get_device_name(self.device)
        torch.zeros(1, device=self.device)  # makes the primary context current
        self._kernels = {name: Kernels(ptx(name)) for name in names()}

    def start(self, file: str, launches: Sequence[Launch]) -> None:
        """Start kernels: see `Gpu`."""
        stream = torch.cuda.current_stream().cuda_stream
        for launch in launches:
            self._kernels[file].start(launch, stream)

    def run(self, file: str, launches: Sequence[Launch]) -> None:
        """Start kernels and wait: see `Gpu`."""
        self.start(file, launches)
        torch.cuda.synchronize()


class EmulatedGpu:
    """The driver of tests/emulation: a CPU runs the kernels that g++ compiled."""

    is_emulated = True
    name = "emulated driver on a CPU"
    device = torch.device("cpu")

    def __init__(self, context: Any) -> None:
        """Load all PTX; the kernels' parameters in it are compared with those of g++."""
        self._context = context
        self._kernels = {name: Kernels(ptx(name)) for name in names()}

    def start(self, file: str, launches: Sequence[Launch]) -> None:
        """Start kernels: see `Gpu`."""
        for launch in launches:
            self._kernels[file].start(launch, 0)

    def run(self, file: str, launches: Sequence[Launch]) -> None:
        """Start kernels and wait: see `Gpu`."""
        self.start(file, launches)
        self._context.synchronize()


@contextmanager
def emulated_gpu() -> Iterator[EmulatedGpu]:
    """Build and open the emulated device; needs what the tests need."""
    from tests.emulation.build import kernel_library
    from tests.emulation.emulated import EmulatedCuda

    folder = shipped("engines/kernels")
    libraries = [kernel_library(folder / f"{name}.cu") for name in names()]
    os.environ["EMULATED_CUDA_KERNELS"] = ":".join(map(str, libraries))
    cuda = EmulatedCuda()
    try:
        with cuda.context() as context:
            yield EmulatedGpu(context)
    finally:
        cuda.close()


def graph_ms(start: Callable[[], None]) -> float:
    """Time work on a GPU without Python's share: a CUDA graph of COPIES of it, replayed."""
    graph = torch.cuda.CUDAGraph()
    start()
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        for _ in range(COPIES):
            start()
    return _median_ms(graph.replay) / COPIES


def called_ms(call: Callable[[], object]) -> float:
    """Time work as it is called from Python, COPIES times in a row."""

    def calls() -> None:
        for _ in range(COPIES):
            call()

    return _median_ms(calls) / COPIES


def bandwidth() -> float:
    """Bytes per second that a copy within the GPU's memory moves, reading and writing."""
    source = torch.empty(_COPIED_BYTES, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * _COPIED_BYTES / (called_ms(lambda: target.copy_(source)) / 1000)


def _median_ms(work: Callable[[], None]) -> float:
    work()
    times: list[float] = []
    for _ in range(ROUNDS):
        event: Any = torch.cuda.Event
        begin, end = event(enable_timing=True), event(enable_timing=True)
        begin.record()
        work()
        end.record()
        end.synchronize()
        times.append(float(begin.elapsed_time(end)))
    return statistics.median(times)
