"""`runtime: tensorrt` of a graph: engines are built, but nothing executes them yet."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final, NoReturn

from streamdet.errors import EngineError
from streamdet.models.model_config import Arithmetic, ImageInput
from streamdet.runtimes import RuntimeOptions
from streamdet.runtimes.tensorrt.device import find_device
from streamdet.runtimes.tensorrt.library import FULL, RTX, installed_library

NOT_WRITTEN: Final = (
    "streamdet builds engines (streamdet models build NAME --runtime tensorrt) but cannot execute"
    " them yet: no GPU was there to try it on"
)


class TensorRt:
    """The name of TensorRT among the runtimes; says what is missing to execute an engine."""

    package = RTX if find_spec(RTX) is not None else FULL

    @staticmethod
    def precisions() -> tuple[Arithmetic, ...]:
        """What it can compute with on this machine: nothing, yet."""
        return ()

    @staticmethod
    def refuse() -> NoReturn:
        """Say in a sentence what this machine lacks to execute an engine.

        Raises:
            EngineError: always.
        """
        try:
            installed_library()
            here = f"the GPU here is {find_device().target}"
        except EngineError as exc:
            here = str(exc)
        raise EngineError(f"{NOT_WRITTEN}; {here}")

    def __init__(self, weights: Path, image_input: ImageInput, options: RuntimeOptions) -> None:
        """Refuse to load anything.

        Raises:
            EngineError: always.
        """
        self.refuse()
