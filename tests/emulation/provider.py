"""What takes the place of ONNX Runtime's CUDA provider on the emulated device."""

from __future__ import annotations

from typing import Final

from streamdet.runtimes.gpu.onnx_dense import Provider

ON_HOST: Final = Provider("CPUExecutionProvider", "cpu", is_on_stream=False)
"""The CPU provider: the emulated device's memory is this machine's, at the same addresses."""
