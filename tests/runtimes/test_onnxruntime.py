"""ONNX Runtime runs fp32 and nothing else."""

from pathlib import Path

import pytest

from streamdet.errors import EngineError
from streamdet.runtimes import ImageInput, Precision, RuntimeOptions
from streamdet.runtimes.onnxruntime import OnnxRuntime
from tests.runtimes.tiny_network import write_tiny_network


@pytest.mark.parametrize("precision", ["bf16", "int8+fp32", "int8+bf16"])
def test_another_precision_is_refused(tmp_path: Path, precision: Precision) -> None:
    wanted = ImageInput(name="image", hw=(4, 6))
    with pytest.raises(EngineError, match=r"(bf16|int8\+\w+) was asked for, but onnxruntime runs"):
        OnnxRuntime(tmp_path / "any.onnx", wanted, RuntimeOptions(precision=precision))


def test_the_name_says_fp32(tmp_path: Path) -> None:
    network = write_tiny_network(tmp_path)
    runtime = OnnxRuntime(network, ImageInput(name="image", hw=(4, 6)), RuntimeOptions())
    assert " fp32, 1 thread" in runtime.name
