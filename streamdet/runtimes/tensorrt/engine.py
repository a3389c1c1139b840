"""Executes an engine on tensors of ours, on our stream. Built only: no GPU was there to run one.

The calls are those that TensorRT's documentation names for `enqueueV3`: addresses are set once, and
what follows the first run is a CUDA graph, since shapes are fixed. TensorRT-RTX, which compiles
kernels while it runs, captures by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from streamdet.errors import EngineError
from streamdet.kernels.graph import CapturedGraph
from streamdet.kernels.launch import DeviceArray
from streamdet.models.model_config import ImageInput
from streamdet.runtimes.checks import check_network
from streamdet.runtimes.gpu import Gpu
from streamdet.runtimes.tensorrt.library import Library
from streamdet.runtimes.tensorrt.log import make_log
from streamdet.runtimes.tensorrt.plugins import register


class _Tensor(NamedTuple):
    """An input or output of an engine; a side of -1 is free."""

    name: str
    is_input: bool
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class EngineNetwork:
    """An engine with its execution context; see gpu.GpuNetwork."""

    def __init__(
        self, file: Path, library: Library, image_input: ImageInput, gpu: Gpu, batch: int
    ) -> None:
        """Load it; its context is current.

        Args:
            file: the engine.
            library: which built it.
            image_input: what its image must be.
            gpu: where.
            batch: images at a time, as far as its profile goes.

        Raises:
            EngineError: the library refuses it, or it is for another size of image; there is too
                little memory.
        """
        trt = library.module
        self._file, self._gpu, self._log = file, gpu, make_log(trt)
        self._creators = register(trt, {})  # engines bring their plugins' kernels
        self._runtime = trt.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(file.read_bytes())
        if self._engine is None:
            raise EngineError(f"{file}: {library.name} cannot load it here: {self._log.why()}")
        tensors = list(_tensors(trt, self._engine))
        batch = min(batch, _most_images(self._engine, image_input))
        self._context, is_captured = _context(trt, self._engine)
        if self._context is None:
            raise EngineError(f"{file}: {library.name} cannot execute it: {self._log.why()}")
        shapes = {each.name: each.shape for each in tensors if each.is_input}
        shapes = {
            name: (batch if images < 0 else images, *rest)
            for name, (images, *rest) in shapes.items()
        }
        check_network(file, image_input, shapes)
        for name, shape in shapes.items():
            self._context.set_input_shape(name, shape)
        self.inputs: Mapping[str, DeviceArray] = self._bound(tensors, are_inputs=True)
        if missing := self._context.infer_shapes():
            raise EngineError(f"{file}: the shape of {', '.join(missing)} stays open")
        self.outputs: Mapping[str, DeviceArray] = self._bound(tensors, are_inputs=False)
        self.name = f"{library.name} {library.version}"
        self._graph: CapturedGraph | None = None
        self._enqueue()  # a library makes itself ready at the first run, which no graph must hold
        gpu.synchronize()
        if not is_captured:
            self._graph = CapturedGraph(gpu.stream_address, self._enqueue)

    def run(self) -> None:
        """Execute it: see gpu.GpuNetwork.

        Raises:
            EngineError: TensorRT fails.
        """
        if self._graph is None:
            self._enqueue()
        else:
            self._graph.launch()

    def _enqueue(self) -> None:
        if not self._context.execute_async_v3(self._gpu.stream_address):
            raise EngineError(f"{self._file} failed on {self._gpu.name}: {self._log.why()}")

    def _bound(self, tensors: list[_Tensor], *, are_inputs: bool) -> dict[str, DeviceArray]:
        """Make room for the inputs or the outputs, and tell the context where."""
        arrays = {}
        for each in tensors:
            if each.is_input == are_inputs:
                shape = tuple(self._context.get_tensor_shape(each.name))
                arrays[each.name] = self._gpu.array(shape, each.dtype)
                self._context.set_tensor_address(each.name, arrays[each.name].pointer)
        return arrays


def _tensors(trt: Any, engine: Any) -> Iterator[_Tensor]:
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        yield _Tensor(
            name,
            engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT,
            tuple(engine.get_tensor_shape(name)),
            np.dtype(trt.nptype(engine.get_tensor_dtype(name))),
        )


def _most_images(engine: Any, image_input: ImageInput) -> int:
    """The largest batch of the engine's only profile."""
    largest = engine.get_tensor_profile_shape(image_input.name, 0)[2]
    return int(largest[0])


def _context(trt: Any, engine: Any) -> tuple[Any, bool]:
    """Make an execution context, and say whether it captures graphs by itself."""
    strategies = getattr(trt, "CudaGraphStrategy", None)
    if strategies is None:
        return engine.create_execution_context(), False
    config = engine.create_runtime_config()
    config.cuda_graph_strategy = strategies.WHOLE_GRAPH_CAPTURE
    return engine.create_execution_context(config), True
