"""Dense parts by ONNX Runtime: it reads and writes our tensors where they lie, on our stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.errors import EngineError, to_install
from streamdet.kernels.launch import DeviceArray
from streamdet.runtimes.gpu import Gpu
from streamdet.runtimes.gpu.by_parts import Step
from streamdet.runtimes.gpu.split import DensePart, part_model

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


class OnnxDense:
    """Loads dense parts into ONNX Runtime; see by_parts.DenseRuntime."""

    package = "onnxruntime"

    def __init__(self, gpu: Gpu, provider: Provider) -> None:
        """Look whether ONNX Runtime has the provider.

        Raises:
            EngineError: it is not installed, or is one without the provider.
        """
        try:
            import onnxruntime
        except ImportError as exc:
            raise EngineError(f"onnxruntime is not installed: {to_install('onnxruntime')}") from exc
        if provider.name not in onnxruntime.get_available_providers():
            raise EngineError(
                f"onnxruntime {onnxruntime.__version__} has no {provider.name}: install"
                " onnxruntime-gpu in its place"
            )
        self._runtime, self._gpu, self._provider = onnxruntime, gpu, provider
        self.name = f"onnxruntime {onnxruntime.__version__} fp32 ({provider.name})"

    def load(self, model: Any, part: DensePart, inputs: Mapping[str, DeviceArray]) -> Step:
        """Load a part: see by_parts.DenseRuntime."""
        kinds = {name: (array.dtype, array.shape) for name, array in inputs.items()}
        content = part_model(model, part, kinds).SerializeToString()
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        providers = [(self._provider.name, dict(self._provider.options))]
        session = self._runtime.InferenceSession(content, options, providers=providers)
        return _Dense(session, self._gpu, self._provider, inputs)


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
        self.outputs: Mapping[str, DeviceArray] = {
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


def _dtype(name: str) -> npt.DTypeLike:
    if name not in _DTYPES:
        raise EngineError(f"the network has a {name} between its parts, which is not supported")
    return _DTYPES[name]


def _index(gpu: Gpu, provider: Provider) -> int:
    return int(gpu.name.removeprefix("cuda:")) if provider.memory == "cuda" else 0
