"""`streamdet check` imports kinds: that must not load what only a running stage needs."""

import subprocess
import sys

import pytest

from streamdet.registry import KINDS

HEAVY = ("cv2", "openvino", "onnxruntime", "scipy", "torch", "av", "redis", "pycuda")


@pytest.mark.parametrize("role", ["transform", "detector", "runtime", "device_pool"])
def test_kinds_load_nothing_heavy(role: str) -> None:
    modules = sorted({entry.partition(":")[0] for entry in KINDS[role].values()})
    code = f"import sys, {', '.join(modules)}; print(*(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
