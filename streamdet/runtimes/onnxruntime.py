"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.errors import EngineError, to_install
from streamdet.image import Pixels
from streamdet.models.model_config import Arithmetic, ImageInput, ModelConfig
from streamdet.runtimes import RuntimeOptions, Tensors, threads_text
from streamdet.runtimes.checks import Batch, batches, check_network, one_image_shapes, refused
from streamdet.runtimes.gpu import Gpu, GpuNetwork

_FLOATS: Final[dict[str, type[np.floating[Any]]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}
"""ONNX Runtime's names of the types that an input may have."""


class OnnxRuntime:
    """Runs a network with ONNX Runtime in fp32, or a file of int8 as it is; see `Runtime`."""

    package = "onnxruntime"

    @staticmethod
    def precisions() -> tuple[Arithmetic, ...]:
        """What it can compute with on this machine."""
        return ("fp32", "int8")

    @staticmethod
    def gpu_file(model: ModelConfig, network: Path, options: RuntimeOptions) -> Path:
        """The network's own file: see gpu.GpuRuntimeKind.

        Raises:
            EngineError: another precision than fp32 is asked for.
        """
        if options.precision != "fp32":
            raise EngineError(
                f"precision {options.precision} was asked for, but onnxruntime runs fp32 on a GPU"
            )
        return network

    @staticmethod
    def on_gpu(
        file: Path, image_input: ImageInput, options: RuntimeOptions, gpu: Gpu, batch: int
    ) -> GpuNetwork:
        """Load a network on a GPU: see gpu.GpuRuntimeKind and gpu/onnx_dense.py."""
        from streamdet.runtimes.gpu.by_parts import PartsNetwork
        from streamdet.runtimes.gpu.onnx_dense import OnnxDense, cuda_provider

        dense = OnnxDense(gpu, cuda_provider(gpu))
        return PartsNetwork(file, image_input, gpu, batch, dense)

    def __init__(self, weights: Path, image_input: ImageInput, options: RuntimeOptions) -> None:
        """Load the network.

        Args:
            weights: an ONNX file; the configuration decides what its image input leaves open.
            image_input: how the network wants its image.
            options: precision and threads.

        Raises:
            EngineError: ONNX Runtime is missing, refuses the file, or another precision is asked.
        """
        try:
            import onnxruntime
        except ImportError as exc:
            raise EngineError(f"onnxruntime is not installed: {to_install('onnxruntime')}") from exc
        if options.precision not in self.precisions():
            raise EngineError(
                f"precision {options.precision} was asked for, but onnxruntime runs fp32 on a CPU,"
                " or a file of int8"
            )
        try:
            self._session = onnxruntime.InferenceSession(
                str(weights),
                _session_options(onnxruntime, options.threads),
                providers=["CPUExecutionProvider"],
            )
        except Exception as exc:  # its errors have no other common class
            raise refused(weights, "onnxruntime", exc) from exc
        inputs = self._session.get_inputs()
        shapes = {item.name: item.shape for item in inputs}
        self._inputs = check_network(weights, image_input, shapes)
        self._types = _input_types(weights, {item.name: item.type for item in inputs})
        self.extra_shapes = one_image_shapes(self._inputs)
        self._input = image_input
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._planes = np.zeros((self._inputs.batch, 3, *image_input.hw), dtype=np.float32)
        self._extras = {
            name: np.zeros(shape, dtype=np.float32) for name, shape in self._inputs.extras.items()
        }
        version, threads = onnxruntime.__version__, threads_text(options.threads)
        self.name = f"onnxruntime {version} {options.precision}, {threads}"

    def __call__(
        self, images: Sequence[Pixels], extras: Sequence[Tensors] | None = None
    ) -> list[Tensors]:
        """Run the network on each image: see `Runtime`.

        Raises:
            EngineError: ONNX Runtime failed, or an input does not fit the network.
        """
        cut = batches(images, extras, self._input, self._inputs)
        return [outputs for batch in cut for outputs in self._run(batch)]

    def _run(self, batch: Batch) -> list[Tensors]:
        for row, (image, tensors) in enumerate(zip(*batch, strict=True)):
            self._normalise(image, row)
            for name, tensor in tensors.items():
                self._extras[name][row] = tensor[0]
        given = {self._input.name: self._planes, **self._extras}
        typed = {name: given[name].astype(kind, copy=False) for name, kind in self._types.items()}
        try:
            values = self._session.run(self._outputs, typed)
        except Exception as exc:  # its errors have no other common class
            raise EngineError(f"onnxruntime failed: {exc}") from exc
        named = dict(zip(self._outputs, map(_as_float32, values), strict=True))
        return [
            {name: value[row : row + 1] for name, value in named.items()}
            for row in range(len(batch.images))
        ]

    def _normalise(self, image: Pixels, row: int) -> None:
        channels = image if self._input.colour == "bgr" else image[..., ::-1]
        planes = self._planes[row]
        np.copyto(planes, channels.transpose(2, 0, 1))
        if any(self._input.mean) or self._input.std != (1.0, 1.0, 1.0):
            planes -= np.array(self._input.mean, dtype=np.float32)[:, None, None]
            planes /= np.array(self._input.std, dtype=np.float32)[:, None, None]


def _input_types(weights: Path, names: dict[str, str]) -> dict[str, type[np.floating[Any]]]:
    for name, kind in names.items():
        if kind not in _FLOATS:
            raise EngineError(f"{weights}: input {name!r} must hold floats, got {kind}")
    return {name: _FLOATS[kind] for name, kind in names.items()}


def _as_float32(value: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return value.astype(np.float32, copy=False) if value.dtype.kind == "f" else value


def _session_options(onnxruntime: Any, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning thread takes the core that another stage's process needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; NanoDet's file warns of every weight
    return options
