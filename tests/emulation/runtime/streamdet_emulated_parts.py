"""A runtime for tests alone, as a package: networks by parts on the emulated device.

It is what `runtime: onnxruntime` is on a GPU, but for the provider; see ../provider.py.
"""

from __future__ import annotations

from pathlib import Path

from streamdet.errors import EngineError
from streamdet.models.model_config import Arithmetic, ImageInput, ModelConfig
from streamdet.runtimes import RuntimeOptions
from streamdet.runtimes.gpu import Gpu, GpuNetwork
from streamdet.runtimes.gpu.by_parts import PartsNetwork
from streamdet.runtimes.gpu.onnx_dense import OnnxDense
from tests.emulation.provider import ON_HOST


class EmulatedParts:
    """ONNX Runtime's CPU provider on memory of the emulated device."""

    package = "onnxruntime"
    name = "emulated_parts"

    @staticmethod
    def precisions() -> tuple[Arithmetic, ...]:
        """None on the CPU itself."""
        return ()

    @staticmethod
    def gpu_file(model: ModelConfig, network: Path, options: RuntimeOptions) -> Path:
        """The network's own file."""
        return network

    @staticmethod
    def on_gpu(
        file: Path, image_input: ImageInput, options: RuntimeOptions, gpu: Gpu, batch: int
    ) -> GpuNetwork:
        """Load it on the emulated device."""
        return PartsNetwork(file, image_input, gpu, batch, OnnxDense(gpu, ON_HOST))

    def __init__(self, weights: Path, image_input: ImageInput, options: RuntimeOptions) -> None:
        """Refuse."""
        raise EngineError("emulated_parts runs networks on the emulated device only")

    def __call__(self, images: object, extras: object = None) -> list[dict[str, object]]:
        """Never called."""
        raise NotImplementedError
