"""What runs an exported network: named tensors in, named tensors out. One runtime is one file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.image import Pixels
from streamdet.model_config import ImageInput, Precision
from streamdet.options import Options

__all__ = ["ImageInput", "Precision", "Runtime", "RuntimeOptions", "Tensors"]

Tensors = dict[str, npt.NDArray[np.float32]]


class RuntimeOptions(Options):
    """How a runtime computes, whatever the network."""

    precision: Precision = Field("fp32", description="Arithmetic; auto: bf16 where the CPU has it.")
    threads: int = Field(1, ge=1, le=256, description="CPU threads of one network call.")


class Runtime(Protocol):
    """A loaded network with one picture input.

    Constructed as `Runtime(weights, image_input, options)`.

    Attributes:
        name: what really runs: runtime, version, precision, threads.
    """

    name: str

    def __call__(self, images: Sequence[Pixels]) -> list[Tensors]:
        """Run the network on each picture, (H, W, 3) uint8 BGR, and return its outputs by name.

        Raises:
            EngineError: the runtime failed.
        """
        ...
