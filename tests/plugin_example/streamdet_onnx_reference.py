"""A runtime of another package: ONNX's own reference implementation, slow and exact."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import ImageInput
from streamdet.runtimes import Arithmetic, RuntimeOptions, Tensors


class OnnxReference:
    """Runs a network in numpy, operation by operation; see `streamdet.runtimes.Runtime`."""

    package = "onnx"

    @staticmethod
    def precisions() -> tuple[Arithmetic, ...]:
        """What it can compute with on this machine."""
        return ("fp32",)

    def __init__(self, weights: Path, image_input: ImageInput, options: RuntimeOptions) -> None:
        """Load the network."""
        try:
            from onnx.reference import ReferenceEvaluator
        except ImportError as exc:
            raise EngineError("onnx is not installed: pip install onnx") from exc
        if options.precision != "fp32":
            raise EngineError(f"onnx_reference runs fp32, precision {options.precision} was asked")
        try:
            self._network = ReferenceEvaluator(str(weights))
        except Exception as exc:
            raise EngineError(f"{weights}: onnx_reference cannot load it: {exc}") from exc
        self._input = image_input
        self.name = f"onnx_reference {version('onnx')} fp32"

    def __call__(
        self, images: Sequence[Pixels], extras: Sequence[Tensors] | None = None
    ) -> list[Tensors]:
        """Run the network on each image."""
        return [
            self._run(image, extras[place] if extras else {}) for place, image in enumerate(images)
        ]

    def _run(self, image: Pixels, extras: Tensors) -> Tensors:
        channels = image if self._input.colour == "bgr" else image[..., ::-1]
        mean, std = (np.array(each, np.float32) for each in (self._input.mean, self._input.std))
        planes = ((channels - mean) / std).transpose(2, 0, 1)[None]
        values = self._network.run(None, {self._input.name: planes, **extras})
        return dict(zip(self._network.output_names, values, strict=True))
