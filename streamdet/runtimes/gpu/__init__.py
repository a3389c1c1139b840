"""Networks on a GPU: tensors lie in its memory, at addresses that stay; all happens on one stream.

A kind of runtime that can do this has the class method `on_gpu` (see `GpuRuntimeKind`), which loads
a network for a fixed number of images. `runtime.py` puts prepared images into it, where they lie.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from streamdet.image import DevicePixels, Pixels
from streamdet.kernels.launch import DeviceArray, Launch
from streamdet.models.model_config import ImageInput, ModelConfig
from streamdet.runtimes import RuntimeOptions


class Gpu(Protocol):
    """What networks need of an opened GPU; transport/cuda_device.py is it.

    Attributes:
        name: cuda:0 for the first.
    """

    name: str

    @property
    def model(self) -> str:
        """The GPU's name, as its driver says it."""
        ...

    @property
    def stream_address(self) -> int:
        """Address of its CUstream, on which everything happens in order."""
        ...

    def array(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> DeviceArray:
        """Make room that stays until the GPU is closed.

        Raises:
            EngineError: there is not so much memory.
        """
        ...

    def private(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> DevicePixels:
        """Make room for an image, for as long as somebody has it."""
        ...

    def upload(self, write: Callable[[Pixels], None], to: DevicePixels | DeviceArray) -> None:
        """Copy to the GPU what `write` writes into what it is given."""
        ...

    def download(self, array: DevicePixels | DeviceArray) -> npt.NDArray[Any]:
        """Copy to the CPU, after all that came before."""
        ...

    def copy(self, given: DeviceArray, to: DeviceArray) -> None:
        """Copy within the GPU's memory; both are of one size."""
        ...

    def run(self, file: str, launches: Sequence[Launch]) -> None:
        """Have kernels of a file of engines/kernels run."""
        ...

    def synchronize(self) -> None:
        """Wait until everything has been done."""
        ...


class GpuNetwork(Protocol):
    """A loaded network whose tensors lie in the memory of a GPU, the first axis counts images.

    Attributes:
        name: what really runs: runtime, version, precision.
        inputs: written before each `run`.
        outputs: of the last `run`.
    """

    name: str
    inputs: Mapping[str, DeviceArray]
    outputs: Mapping[str, DeviceArray]

    def run(self) -> None:
        """Have the network run on the GPU's stream, after what came before.

        Raises:
            EngineError: it failed.
        """
        ...


@runtime_checkable
class GpuRuntimeKind(Protocol):
    """A kind of runtime (see runtimes.RuntimeKind) that runs networks on a GPU, too."""

    def gpu_file(self, model: ModelConfig, network: Path, options: RuntimeOptions) -> Path:
        """Find the file that `on_gpu` loads, made of a network's ONNX file where it is another one.

        Raises:
            ConfigError: it is missing or was made of something else.
            EngineError: what this machine lacks to run it.
        """
        ...

    def on_gpu(
        self, file: Path, image_input: ImageInput, options: RuntimeOptions, gpu: Gpu, batch: int
    ) -> GpuNetwork:
        """Load a network.

        Args:
            file: see `gpu_file`.
            image_input: decides over the size of images that the file leaves open.
            options: how it computes; `threads` says nothing here.
            gpu: where.
            batch: images at a time, where the file leaves that open.

        Raises:
            EngineError: the package is missing, or refuses the file or the precision; there is too
                little memory.
        """
        ...
