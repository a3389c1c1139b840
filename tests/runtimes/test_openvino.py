"""OpenVINO runs in the precision that was asked for, or not at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from streamdet.errors import EngineError
from streamdet.runtimes import ImageInput, RuntimeOptions
from streamdet.runtimes.openvino import OpenVino, chosen_precision
from tests.runtimes.tiny_network import write_tiny_network


@pytest.mark.parametrize(
    ("wanted", "capabilities", "chosen"),
    [
        ("auto", ["FP32", "BF16"], "bf16"),
        ("auto", ["FP32"], "fp32"),
        ("fp32", ["FP32", "BF16"], "fp32"),
        ("bf16", ["FP32", "BF16"], "bf16"),
    ],
)
def test_precision_is_what_was_asked_for(wanted: str, capabilities: list[str], chosen: str) -> None:
    assert chosen_precision(wanted, capabilities) == chosen


def test_bf16_on_a_cpu_without_it_is_refused() -> None:
    with pytest.raises(EngineError, match="this CPU has no bf16"):
        chosen_precision("bf16", ["FP32", "INT8"])


def test_the_name_says_which_precision_auto_became(tmp_path: Path) -> None:
    network = write_tiny_network(tmp_path)
    options = RuntimeOptions(precision="auto")
    runtime = OpenVino(network, ImageInput(name="picture", hw=(4, 6)), options)
    assert runtime.name.split()[-3] in {"bf16,", "fp32,"}


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
        "picture = ImageInput(name='picture', hw=(4, 6))\n"
        f"first = OpenVino(Path({str(network)!r}), picture, RuntimeOptions())\n"
        f"second = OpenVino(Path({str(network)!r}), picture, RuntimeOptions())\n"
        "del first; del second\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
