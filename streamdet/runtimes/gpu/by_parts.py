"""ONNX Runtime on a GPU: dense parts by ONNX Runtime, our own nodes by our own kernels.

ONNX Runtime reads and writes our tensors where they lie (its I/O binding takes addresses), on our
stream. It would run the bodies of our nodes, dozens of operators each, in its own way; a kernel of
ours takes their place. Shapes are found when the network is loaded: they never change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.errors import EngineError, to_install
from streamdet.kernels.launch import DeviceArray, Launch
from streamdet.models.model_config import ImageInput
from streamdet.runtimes.checks import check_network, refused
from streamdet.runtimes.gpu import Gpu
from streamdet.runtimes.gpu.split import DensePart, NodePart, part_model, split

_DTYPES: Final[dict[str, npt.DTypeLike]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(bool)": np.bool_,
}
"""ONNX Runtime's names of types."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What of ONNX Runtime computes.

    Attributes:
        name: of its execution provider.
        memory: what its I/O binding calls the memory in which our tensors lie.
        is_on_stream: whether it works on the stream that it is given; else it works at once, and
            what came before must have been done.
        options: of the provider.
    """

    name: str
    memory: str
    is_on_stream: bool
    options: Mapping[str, str] = field(default_factory=dict)


def cuda_provider(gpu: Gpu) -> Provider:
    """ONNX Runtime's own CUDA kernels, in full fp32, on our stream."""
    options = {
        "device_id": gpu.name.removeprefix("cuda:"),
        "user_compute_stream": str(gpu.stream_address),
        "use_tf32": "0",
    }
    return Provider("CUDAExecutionProvider", "cuda", True, options)


class PartsNetwork:
    """A network by parts; see gpu.GpuNetwork."""

    def __init__(
        self, file: Path, image_input: ImageInput, gpu: Gpu, batch: int, provider: Provider
    ) -> None:
        """Load it, and run it once to find the shapes.

        Args:
            file: ONNX file.
            image_input: decides over the size of images that the file leaves open.
            gpu: where.
            batch: images at a time, where the file leaves that open.
            provider: what computes the dense parts.

        Raises:
            EngineError: a package is missing, or refuses the network; there is too little memory.
        """
        onnx, runtime = _packages(provider)
        self._gpu, self._file = gpu, file
        try:
            model = onnx.load(file)
        except Exception as exc:  # protobuf's errors, and OSError
            raise refused(file, "onnxruntime", exc) from exc
        self._arrays = _input_arrays(model, file, image_input, gpu, batch)
        self.inputs: Mapping[str, DeviceArray] = dict(self._arrays)
        load = _Loader(runtime, gpu, provider, model)
        self._steps: list[_Dense | _Node] = []
        for part in split(model):
            self._add(part, load)
        self.outputs: Mapping[str, DeviceArray] = {
            value.name: self._arrays[value.name] for value in model.graph.output
        }
        kernels = sum(isinstance(step, _Node) for step in self._steps)
        by_kernels = f", {kernels} of its nodes by our kernels" if kernels else ""
        self.name = f"onnxruntime {runtime.__version__} fp32 ({provider.name}{by_kernels})"

    def run(self) -> None:
        """Run all parts: see gpu.GpuNetwork.

        Raises:
            EngineError: a part failed.
        """
        for step in self._steps:
            step.run()

    def _add(self, part: DensePart | NodePart, load: _Loader) -> None:
        inputs = {name: self._arrays[name] for name in part.inputs}
        try:
            step = load.dense(part, inputs) if isinstance(part, DensePart) else load.node(
                part, inputs
            )  # fmt: skip
        except EngineError:
            raise
        except Exception as exc:  # ONNX Runtime's errors have no other common class
            raise refused(self._file, "onnxruntime", exc) from exc
        self._arrays |= step.outputs
        self._steps.append(step)
        step.run()  # what comes next finds its shapes by what this one gives


class _Dense:
    """A dense part, loaded; its tensors are bound."""

    def __init__(
        self, session: Any, gpu: Gpu, provider: Provider, inputs: Mapping[str, DeviceArray]
    ) -> None:
        self._session, self._gpu, self._provider = session, gpu, provider
        self._binding = session.io_binding()
        for name, array in inputs.items():
            self._binding.bind_input(name, *self._place(array))
        names = [output.name for output in session.get_outputs()]
        for name in names:
            self._binding.bind_output(name, provider.memory, _index(gpu, provider))
        self.run()  # once into memory of ONNX Runtime's own, which tells the shapes
        values = zip(names, self._binding.get_outputs(), strict=True)
        self.outputs = {
            name: gpu.array(tuple(value.shape()), _dtype(value.data_type()))
            for name, value in values
        }
        self._binding.clear_binding_outputs()
        for name, array in self.outputs.items():
            self._binding.bind_output(name, *self._place(array))

    def run(self) -> None:
        if not self._provider.is_on_stream:
            self._gpu.synchronize()
        try:
            self._session.run_with_iobinding(self._binding)
        except Exception as exc:  # its errors have no other common class
            raise EngineError(f"onnxruntime failed on {self._gpu.name}: {exc}") from exc

    def _place(self, array: DeviceArray) -> tuple[Any, ...]:
        memory, index = self._provider.memory, _index(self._gpu, self._provider)
        return memory, index, array.dtype.type, array.shape, array.pointer


class _Node:
    """A node of ours, its kernels' launches ready."""

    def __init__(self, part: NodePart, gpu: Gpu, inputs: Mapping[str, DeviceArray]) -> None:
        given = [inputs[name] for name in part.inputs]
        shapes = part.node.output_shapes([array.shape for array in given])
        dtypes = part.node.output_types([array.dtype for array in given])
        made = [gpu.array(tuple(shape), dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
        self.outputs = dict(zip(part.outputs, made, strict=True))
        size = part.node.workspace([array.shape for array in given])
        workspace = gpu.array((size,), np.uint8)
        self._launches: Sequence[Launch] = part.node.launches(given, made, workspace.pointer)
        self._gpu, self._kernels = gpu, part.kernels

    def run(self) -> None:
        self._gpu.run(self._kernels, self._launches)


@dataclass(frozen=True, slots=True)
class _Loader:
    """Loads parts of one network."""

    runtime: Any
    gpu: Gpu
    provider: Provider
    model: Any

    def dense(self, part: DensePart, inputs: Mapping[str, DeviceArray]) -> _Dense:
        kinds = {name: (array.dtype, array.shape) for name, array in inputs.items()}
        content = part_model(self.model, part, kinds).SerializeToString()
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        providers = [(self.provider.name, dict(self.provider.options))]
        session = self.runtime.InferenceSession(content, options, providers=providers)
        return _Dense(session, self.gpu, self.provider, inputs)

    def node(self, part: NodePart, inputs: Mapping[str, DeviceArray]) -> _Node:
        return _Node(part, self.gpu, inputs)


def _packages(provider: Provider) -> tuple[Any, Any]:
    try:
        import onnx
        import onnxruntime
    except ImportError as exc:
        raise EngineError(f"{exc.name} is not installed: {to_install('openvino')}") from exc
    if provider.name not in onnxruntime.get_available_providers():
        raise EngineError(
            f"onnxruntime {onnxruntime.__version__} has no {provider.name}: install"
            " onnxruntime-gpu in its place"
        )
    return onnx, onnxruntime


def _input_arrays(
    model: Any, file: Path, image_input: ImageInput, gpu: Gpu, batch: int
) -> dict[str, DeviceArray]:
    """Room for the network's inputs, with zeros: nothing that was there before."""
    from onnx import helper

    stored = {tensor.name for tensor in model.graph.initializer}
    values = [value for value in model.graph.input if value.name not in stored]
    sides = {value.name: value.type.tensor_type.shape.dim for value in values}
    shapes = {name: [side.dim_value for side in each] for name, each in sides.items()}
    for shape in shapes.values():
        shape[:1] = [shape[0] or batch] if shape else []
    found = check_network(file, image_input, shapes)
    wanted = {image_input.name: found.image, **found.extras}
    arrays = {}
    for value in values:
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if dtype not in (np.float32, np.float16):
            raise EngineError(f"{file}: input {value.name!r} must hold floats, got {dtype}")
        arrays[value.name] = gpu.array(wanted[value.name], dtype)
        gpu.upload(lambda room: room.fill(0), arrays[value.name])
    return arrays


def _dtype(name: str) -> npt.DTypeLike:
    if name not in _DTYPES:
        raise EngineError(f"the network has a {name} between its parts, which is not supported")
    return _DTYPES[name]


def _index(gpu: Gpu, provider: Provider) -> int:
    return int(gpu.name.removeprefix("cuda:")) if provider.memory == "cuda" else 0
