"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.model_config import ImageInput
from streamdet.runtimes import RuntimeOptions, Tensors
from streamdet.runtimes.checks import check_network, check_picture


class OnnxRuntime:
    """Runs a network with ONNX Runtime in fp32; see `Runtime`."""

    def __init__(self, weights: Path, image_input: ImageInput, options: RuntimeOptions) -> None:
        """Load the network.

        Args:
            weights: an ONNX file with one picture input of fixed size.
            image_input: how the network wants its picture.
            options: precision (fp32 or auto) and threads.

        Raises:
            EngineError: ONNX Runtime is missing, refuses the file, or another precision is asked.
        """
        try:
            import onnxruntime
        except ImportError as exc:
            raise EngineError(
                "onnxruntime is not installed: pip install 'streamdet[onnxruntime]'"
            ) from exc
        if options.precision == "bf16":
            raise EngineError("precision bf16 was asked for, but onnxruntime runs fp32 on a CPU")
        try:
            self._session = onnxruntime.InferenceSession(
                str(weights),
                _session_options(onnxruntime, options.threads),
                providers=["CPUExecutionProvider"],
            )
        except Exception as exc:  # its errors have no other common class
            raise EngineError(f"{weights}: onnxruntime cannot load it: {exc}") from exc
        inputs = {item.name: item.shape for item in self._session.get_inputs()}
        check_network(weights, image_input, inputs)
        self._input = image_input
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._planes = np.empty((1, 3, *image_input.hw), dtype=np.float32)
        plural = "" if options.threads == 1 else "s"
        self.name = f"onnxruntime {onnxruntime.__version__} fp32, {options.threads} thread{plural}"

    def __call__(self, images: Sequence[Pixels]) -> list[Tensors]:
        """Run the network on each picture, (H, W, 3) uint8 BGR, and return its outputs by name.

        Raises:
            EngineError: ONNX Runtime failed, or the picture has another size than the network's.
        """
        return [self._run(image) for image in images]

    def _run(self, image: Pixels) -> Tensors:
        check_picture(image, self._input)
        self._normalise(image)
        try:
            values = self._session.run(self._outputs, {self._input.name: self._planes})
        except Exception as exc:  # its errors have no other common class
            raise EngineError(f"onnxruntime failed: {exc}") from exc
        return dict(zip(self._outputs, values, strict=True))

    def _normalise(self, image: Pixels) -> None:
        channels = image if self._input.colour == "bgr" else image[..., ::-1]
        planes = self._planes[0]
        np.copyto(planes, channels.transpose(2, 0, 1))
        if any(self._input.mean) or self._input.std != (1.0, 1.0, 1.0):
            planes -= np.array(self._input.mean, dtype=np.float32)[:, None, None]
            planes /= np.array(self._input.std, dtype=np.float32)[:, None, None]


def _session_options(onnxruntime: Any, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning thread takes the core that another stage's process needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; NanoDet's file warns of every weight
    return options
