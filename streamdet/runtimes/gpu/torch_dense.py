"""Dense parts by torch, operator by operator: for GPUs without TensorRT and ONNX Runtime's CUDA.

Tensors between parts are ours: torch sees them by `__cuda_array_interface__`. It works on our
stream and in the same primary context. What follows the first run is a CUDA graph. On a GPU this
is built only: the operators were executed on the CPU, and on torch's "meta" device, which refuses
what would mix a CPU's tensors with a GPU's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np

from streamdet.errors import EngineError, to_install
from streamdet.kernels.launch import DeviceArray
from streamdet.runtimes.gpu import Gpu
from streamdet.runtimes.gpu.by_parts import Step
from streamdet.runtimes.gpu.split import DensePart


class Torch(Protocol):
    """Where torch computes, and how it sees our tensors.

    Attributes:
        device: torch's name of it.
    """

    device: str

    def tensor(self, array: DeviceArray) -> Any:
        """See an array as a tensor, without a copy."""
        ...

    def on_stream(self) -> AbstractContextManager[Any]:
        """Everything inside happens on our stream."""
        ...

    def captured(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture work that has been done once already; returns what does it again."""
        ...


class CudaTorch:
    """torch on a GPU; see `Torch`."""

    def __init__(self, gpu: Gpu) -> None:
        """Look whether torch has CUDA.

        Raises:
            EngineError: it is not installed, or built for CPUs.
        """
        torch = _import_torch()
        if not torch.cuda.is_available():
            raise EngineError(
                f"torch {torch.__version__} cannot use {gpu.name}: install a build of torch for"
                " CUDA 13"
            )
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        self._torch, self.device = torch, gpu.name
        self._stream = torch.cuda.ExternalStream(gpu.stream_address, device=gpu.name)

    def tensor(self, array: DeviceArray) -> Any:
        """See an array by `__cuda_array_interface__`: see `Torch`."""
        return self._torch.as_tensor(_Interface(array), device=self.device)

    def on_stream(self) -> AbstractContextManager[Any]:
        """Make our stream torch's current one: see `Torch`."""
        stream: AbstractContextManager[Any] = self._torch.cuda.stream(self._stream)
        return stream

    def captured(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture a CUDA graph on our stream: see `Torch`."""
        graph = self._torch.cuda.CUDAGraph()
        with self._torch.cuda.graph(graph, stream=self._stream):
            work()
        replay: Callable[[], None] = graph.replay
        return replay


class TorchDense:
    """Runs dense parts in torch; see by_parts.DenseRuntime."""

    package = "torch"

    def __init__(self, gpu: Gpu, place: Torch) -> None:
        """Take where torch computes."""
        self._gpu, self._place = gpu, place
        self.name = f"torch {_import_torch().__version__} fp32 ({place.device})"

    def load(self, model: Any, part: DensePart, inputs: Mapping[str, DeviceArray]) -> Step:
        """Load a part: see by_parts.DenseRuntime."""
        return _Dense(self._gpu, self._place, DenseProgram(model, part, self._place.device), inputs)


class DenseProgram:
    """A dense part as calls of torch; what is computed of constants alone is computed once."""

    def __init__(self, model: Any, part: DensePart, device: str) -> None:
        """Read the part's nodes and constants.

        Raises:
            EngineError: it has an operator that is not known here.
        """
        from streamdet.runtimes.gpu.torch_operators import OPERATORS

        unknown = sorted({node.op_type for node in part.nodes if node.op_type not in OPERATORS})
        if unknown:
            raise EngineError(f"runtime torch does not know the operator {unknown[0]}")
        self.device, self._outputs = _import_torch().device(device), part.outputs
        self._constants = _constants(model, part)
        self._moved: dict[str, Any] = {}
        self._calls = []
        for node in part.nodes:
            call = _Call.of(node)
            if all(name in self._constants for name in call.inputs if name):
                self._constants |= call([self._constants.get(name) for name in call.inputs])
            else:
                self._calls.append(call)

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run it; returns its outputs. Constants among them lie on the CPU."""
        values = {**self._constants, **inputs}
        for call in self._calls:
            values |= call([self._placed(call, place, values) for place in range(len(call.inputs))])
        return {name: values[name] for name in self._outputs}

    def _placed(self, call: _Call, place: int, values: Mapping[str, Any]) -> Any:
        """An input of a call, moved to the device unless torch wants its numbers.

        What lies on the CPU never changes: constants and, since shapes are fixed, shapes.
        """
        name = call.inputs[place]
        value = values[name] if name else None
        is_there = [name in values and values[name].device == self.device for name in call.inputs]
        if value is None or place in call.numbers or not any(is_there):
            return value
        if value.device == self.device:
            return value
        if name not in self._moved:
            self._moved[name] = value.to(self.device)
        return self._moved[name]


class _Call(NamedTuple):
    """An operator with what it reads and gives.

    Attributes:
        operator: the function.
        inputs: names, "" for one that is left out.
        outputs: names.
        attributes: of the node.
        numbers: places of inputs that torch wants as Python's numbers.
    """

    operator: Callable[[Sequence[Any], Mapping[str, Any]], Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    numbers: frozenset[int]

    @classmethod
    def of(cls, node: Any) -> _Call:
        from onnx import helper

        from streamdet.runtimes.gpu.torch_operators import NUMBERS, OPERATORS

        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        numbers = NUMBERS.get(node.op_type, frozenset())
        names = tuple(node.input), tuple(node.output)
        return cls(OPERATORS[node.op_type], *names, attributes, numbers)

    def __call__(self, values: Sequence[Any]) -> dict[str, Any]:
        made = self.operator(values, self.attributes)
        return dict(zip(self.outputs, made if isinstance(made, tuple) else (made,), strict=False))


class _Dense:
    """A dense part, loaded, with tensors that see our arrays."""

    def __init__(
        self, gpu: Gpu, place: Torch, program: DenseProgram, inputs: Mapping[str, DeviceArray]
    ) -> None:
        self._torch, self._place, self._program = _import_torch(), place, program
        self._given = {name: place.tensor(array) for name, array in inputs.items()}
        with place.on_stream(), self._torch.no_grad():
            made = program(self._given)
            self.outputs: Mapping[str, DeviceArray] = {
                name: gpu.array(tuple(tensor.shape), _dtype(tensor))
                for name, tensor in made.items()
            }
            self._made = {name: place.tensor(array) for name, array in self.outputs.items()}
            for name, tensor in made.items():
                self._made[name].copy_(tensor)
        self._again = place.captured(self._compute)

    def run(self) -> None:
        with self._place.on_stream():
            try:
                self._again()
            except RuntimeError as exc:  # CUDA's errors, too
                raise EngineError(f"torch failed on {self._place.device}: {exc}") from exc

    def _compute(self) -> None:
        with self._torch.no_grad():
            for name, tensor in self._program(self._given).items():
                if tensor.device == self._program.device:  # constants have been copied
                    self._made[name].copy_(tensor)


class _Interface:
    """An array as torch takes it: see CUDA Array Interface, version 3, in Numba's documentation."""

    def __init__(self, array: DeviceArray) -> None:
        self.__cuda_array_interface__ = {
            "shape": array.shape,
            "typestr": array.dtype.str,
            "data": (array.pointer, False),
            "version": 3,
            "stream": None,
        }


def _constants(model: Any, part: DensePart) -> dict[str, Any]:
    from onnx import numpy_helper

    read = {name for node in part.nodes for name in node.input} | set(part.outputs)
    return {
        tensor.name: _import_torch().from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in model.graph.initializer
        if tensor.name in read
    }


def _dtype(tensor: Any) -> np.dtype[Any]:
    return np.dtype(str(tensor.dtype).removeprefix("torch."))


def _import_torch() -> Any:
    try:
        import torch
    except ImportError as exc:
        raise EngineError(f"torch is not installed: {to_install('gpu')}") from exc
    return torch
