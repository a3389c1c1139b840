"""ONNX Runtime runs fp32 and nothing else."""

from pathlib import Path

import pytest

from streamdet.errors import EngineError
from streamdet.runtimes import ImageInput, RuntimeOptions
from streamdet.runtimes.onnxruntime import OnnxRuntime
from tests.runtimes.tiny_network import write_tiny_network


def test_bf16_is_refused(tmp_path: Path) -> None:
    wanted = ImageInput(name="picture", hw=(4, 6))
    with pytest.raises(EngineError, match="bf16 was asked for, but onnxruntime runs fp32"):
        OnnxRuntime(tmp_path / "any.onnx", wanted, RuntimeOptions(precision="bf16"))


def test_auto_is_fp32(tmp_path: Path) -> None:
    network = write_tiny_network(tmp_path)
    options = RuntimeOptions(precision="auto")
    runtime = OnnxRuntime(network, ImageInput(name="picture", hw=(4, 6)), options)
    assert " fp32, 1 thread" in runtime.name
