"""`runtime: torch` of a graph: a network on a GPU by torch and our kernels; see torch_dense.py."""

from __future__ import annotations

from pathlib import Path

from streamdet.errors import EngineError
from streamdet.models.model_config import ImageInput, ModelConfig
from streamdet.runtimes import RuntimeOptions
from streamdet.runtimes.gpu import Gpu, GpuNetwork
from streamdet.runtimes.gpu.only import GpuOnly


class TorchRuntime(GpuOnly):
    """Runs networks on a GPU; see `gpu.GpuRuntimeKind`. On a CPU it runs nothing."""

    package = "torch"
    name = "torch"
    on_cpu = "torch runs exported networks on a GPU: say `device: cuda:0` at the detector"

    @staticmethod
    def gpu_file(model: ModelConfig, network: Path, options: RuntimeOptions) -> Path:
        """The network's own file: see gpu.GpuRuntimeKind.

        Raises:
            EngineError: another precision than fp32 is asked for.
        """
        if options.precision != "fp32":
            raise EngineError(
                f"precision {options.precision} was asked for, but torch runs fp32 on a GPU"
            )
        return network

    @staticmethod
    def on_gpu(
        file: Path, image_input: ImageInput, options: RuntimeOptions, gpu: Gpu, batch: int
    ) -> GpuNetwork:
        """Load a network on a GPU: see gpu.GpuRuntimeKind."""
        from streamdet.runtimes.gpu.by_parts import PartsNetwork
        from streamdet.runtimes.gpu.torch_dense import CudaTorch, TorchDense

        return PartsNetwork(file, image_input, gpu, batch, TorchDense(gpu, CudaTorch(gpu)))
