"""What runs an exported network: named tensors in, named tensors out. One runtime is one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt
from pydantic import Field

from streamdet.config.options import Options
from streamdet.image import Pixels
from streamdet.models.model_config import Arithmetic, ImageInput, Precision

__all__ = [
    "Arithmetic",
    "ImageInput",
    "Precision",
    "Runtime",
    "RuntimeKind",
    "RuntimeOptions",
    "Tensors",
    "threads_text",
]

Tensors = dict[str, npt.NDArray[Any]]
"""By name; the first axis counts images."""


class RuntimeOptions(Options):
    """How a runtime computes, whatever the network."""

    precision: Arithmetic = Field("fp32", description="Arithmetic.")
    threads: int = Field(1, ge=1, le=256, description="CPU threads of one network call.")


def threads_text(threads: int) -> str:
    """Say how many threads compute, for the report: "1 thread", "2 threads"."""
    return f"{threads} thread{'' if threads == 1 else 's'}"


class Runtime(Protocol):
    """A loaded network with one image input, and maybe others.

    A network made for a batch of several images gets them together; the last batch is filled up.

    Attributes:
        name: what really runs: runtime, version, precision, threads.
        extra_shapes: optional; the shapes, (1, ...), of a network's inputs beside the image, by
            name. A runtime without it is measured with an image alone.
    """

    name: str

    def __call__(
        self, images: Sequence[Pixels], extras: Sequence[Tensors] | None = None
    ) -> list[Tensors]:
        """Run the network on each image and return its outputs by name.

        Args:
            images: (H, W, 3) uint8 BGR each.
            extras: for each image the network's other inputs, (1, ...) each; None if it has none.

        Returns:
            For each image its outputs, (1, ...) each.

        Raises:
            EngineError: the runtime failed, or an input does not fit the network.
        """
        ...


class RuntimeKind(Protocol):
    """What registry.py names: the class of a runtime.

    Its module imports the package that it needs only when a network is loaded.
    """

    @property
    def package(self) -> str:
        """The Python package that it needs; where that is missing, `runtime: auto` leaves it out.

        A measurement holds for a version of it.
        """
        ...

    def precisions(self) -> tuple[Arithmetic, ...]:
        """What it can compute with on this machine."""
        ...

    def __call__(self, weights: Path, image_input: ImageInput, options: RuntimeOptions) -> Runtime:
        """Load a network, an ONNX file.

        Raises:
            EngineError: the package is missing, or refuses the file or the precision.
        """
        ...
