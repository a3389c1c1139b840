"""What runtimes have in common that run networks on a GPU and on nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, NoReturn

from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import Arithmetic, ImageInput
from streamdet.runtimes import RuntimeOptions, Tensors


class GpuOnly:
    """Refuses to run on a CPU; the base of kinds of runtime, see `gpu.GpuRuntimeKind`.

    Attributes:
        on_cpu: the sentence of the refusal.
    """

    on_cpu: ClassVar[str]

    @staticmethod
    def precisions() -> tuple[Arithmetic, ...]:
        """What it can compute with on the CPU: nothing."""
        return ()

    def __init__(self, weights: Path, image_input: ImageInput, options: RuntimeOptions) -> None:
        """Refuse to run on a CPU.

        Raises:
            EngineError: always.
        """
        raise EngineError(self.on_cpu)

    def __call__(
        self, images: Sequence[Pixels], extras: Sequence[Tensors] | None = None
    ) -> NoReturn:
        """Never called: there is no object of it."""
        raise EngineError(self.on_cpu)
