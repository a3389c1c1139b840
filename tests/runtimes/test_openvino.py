"""OpenVINO runs in the precision that was asked for, or not at all."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from streamdet.errors import EngineError
from streamdet.runtimes import ImageInput, RuntimeOptions
from streamdet.runtimes.cpu import has_int8
from streamdet.runtimes.openvino import OpenVino, check_precision
from tests.runtimes.tiny_network import write_dense_network, write_tiny_network

HW = (16, 32)
needs_int8 = pytest.mark.skipif(not has_int8(), reason="this CPU has no VNNI or AMX")


@pytest.mark.parametrize(
    ("wanted", "capabilities"),
    [
        ("fp32", ["FP32"]),
        ("fp32", ["FP32", "BF16"]),
        ("bf16", ["FP32", "BF16"]),
        ("int8+fp32", ["FP32", "BF16"]),
        ("int8+bf16", ["FP32", "BF16"]),
    ],
)
def test_a_precision_that_the_cpu_has_is_not_refused(wanted: str, capabilities: list[str]) -> None:
    check_precision(wanted, capabilities, sums_int8=True)


@pytest.mark.parametrize("wanted", ["bf16", "int8+bf16"])
def test_bf16_on_a_cpu_without_it_is_refused(wanted: str) -> None:
    with pytest.raises(EngineError, match="this CPU has no bf16"):
        check_precision(wanted, ["FP32", "INT8"], sums_int8=True)


def test_int8_on_a_cpu_that_would_saturate_is_refused() -> None:
    with pytest.raises(EngineError, match=r"int8\+fp32 was asked for, but this CPU has no VNNI"):
        check_precision("int8+fp32", ["FP32", "BF16", "INT8"], sums_int8=False)


@needs_int8
def test_a_large_layer_runs_in_8_bits_and_the_name_says_so(tmp_path: Path) -> None:
    network = write_dense_network(tmp_path, outputs=512)
    image_input = ImageInput(name="image", hw=HW)
    runtime = OpenVino(network, image_input, RuntimeOptions(precision="int8+fp32"))
    exact = OpenVino(network, image_input, RuntimeOptions(precision="fp32"))
    image = np.random.default_rng(1).integers(0, 256, (*HW, 3), np.uint8)
    [found], [wanted] = runtime([image]), exact([image])
    assert " int8+fp32, 1 thread" in runtime.name
    assert 0 < np.abs(found["y"] - wanted["y"]).mean() < 0.02 * np.abs(wanted["y"]).mean()


@needs_int8
def test_int8_for_a_network_without_a_large_layer_is_refused(tmp_path: Path) -> None:
    network = write_dense_network(tmp_path, outputs=4)
    with pytest.raises(EngineError, match=r"dense.onnx: int8 is for .* 524288 weights or more"):
        OpenVino(network, ImageInput(name="image", hw=HW), RuntimeOptions(precision="int8+fp32"))


def test_openvino_reports_to_nobody() -> None:
    program = (
        "import sys; from streamdet.runtimes.openvino import _import_openvino as load; load()\n"
        "names = [name for name in sys.modules if name.startswith('openvino_telemetry')]\n"
        "sys.exit(any(sys.modules[name] for name in names))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_signal_finds_its_stack_whichever_runtime_went_first(tmp_path: Path) -> None:
    network = write_tiny_network(tmp_path)
    program = (
        "import faulthandler, os, signal; from pathlib import Path\n"
        "from streamdet.runtimes import ImageInput, RuntimeOptions\n"
        "from streamdet.runtimes.openvino import OpenVino\n"
        "faulthandler.enable()  # gives signals a stack\n"
        "signal.signal(signal.SIGUSR1, lambda *_: None)\n"
        "image = ImageInput(name='image', hw=(4, 6))\n"
        f"first = OpenVino(Path({str(network)!r}), image, RuntimeOptions())\n"
        f"second = OpenVino(Path({str(network)!r}), image, RuntimeOptions())\n"
        "del first; del second\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
