"""`runtime: torch` of a graph: a network on a GPU by torch and our kernels; see torch_dense.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import Arithmetic, ImageInput, ModelConfig
from streamdet.runtimes import RuntimeOptions, Tensors
from streamdet.runtimes.gpu import Gpu, GpuNetwork

_ON_CPU = "torch runs exported networks on a GPU: say `device: cuda:0` at the detector"


class TorchRuntime:
    """Runs networks on a GPU; see `gpu.GpuRuntimeKind`. On a CPU it runs nothing."""

    package = "torch"
    name = "torch"

    @staticmethod
    def precisions() -> tuple[Arithmetic, ...]:
        """What it can compute with on the CPU: nothing."""
        return ()

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

    def __init__(self, weights: Path, image_input: ImageInput, options: RuntimeOptions) -> None:
        """Refuse to run on a CPU.

        Raises:
            EngineError: always.
        """
        raise EngineError(_ON_CPU)

    def __call__(
        self, images: Sequence[Pixels], extras: Sequence[Tensors] | None = None
    ) -> NoReturn:
        """Never called: there is no object of it."""
        raise EngineError(_ON_CPU)
