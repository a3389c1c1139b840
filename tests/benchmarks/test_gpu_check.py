"""`make gpu-check` runs to its end over the emulated driver, and says what it cannot do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.gpu_check.__main__ import checked_case, is_wrong
from benchmarks.gpu_check.case import SMALL, Case
from benchmarks.gpu_check.cases import CASES
from benchmarks.gpu_check.gpu import EmulatedGpu
from tests.emulation import build
from tests.kernels.test_limits import LIMITS
from tests.required import skip_for_want_of


class Nothing(EmulatedGpu):
    """A GPU whose kernels do nothing."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")

    def run(self, file: str, launches: object) -> None:
        """Start nothing."""


def gpu_check(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu_check", *arguments],
        check=False, capture_output=True, text=True, timeout=250,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip


def test_all_is_checked_over_the_emulated_driver(tmp_path: Path) -> None:
    if why := build.missing():
        skip_for_want_of("cuda", why)
    done = gpu_check("--emulated", "--output", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "out.json").read_text())
    assert result["is_emulated"]
    assert [kernel["name"] for kernel in result["kernels"]] == [*CASES]
    assert all(kernel.keys() == {"name", "agrees_to"} for kernel in result["kernels"])  # no times
    assert result["pool"] == "4 writers killed, 4 images read after them"
    assert result["pipeline"]["frames"] == 12
    assert result["pipeline"]["objects"] > 12
    assert result["pipeline"]["gpu_fps"] is None
    assert result["pipeline"]["detectors"] == {"emulated_parts": {"fps": None}}


def test_torch_and_numpy_are_all_that_must_be_installed() -> None:
    code = "import sys, benchmarks.gpu_check.__main__; print(*{*sys.modules} & {*sys.argv})"
    others = ["pydantic", "yaml", "redis", "av", "cv2", "pycuda", "setproctitle", "msgpack", "rich"]
    command = [sys.executable, "-c", code, *others]
    assert subprocess.run(command, capture_output=True, check=True, timeout=60).stdout == b"\n"


def test_every_kernel_is_in_a_case() -> None:
    made = [make(Nothing(), SMALL) for make in CASES.values()]
    launched = {launch.kernel for case in made for launch in case.launches}
    assert launched == LIMITS["kernels"].keys()


def test_a_machine_without_a_gpu_is_told_so_in_a_sentence(tmp_path: Path) -> None:
    done = gpu_check("--output", str(tmp_path / "out.json"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "sees no GPU on this machine" in done.stderr
    assert not (tmp_path / "out.json").exists()


def test_a_kernel_that_does_nothing_is_wrong_in_every_case() -> None:
    def found(name: str) -> object:
        def make() -> Case:
            return CASES[name](Nothing(), SMALL)

        return checked_case(Nothing(), make, None)

    assert all("wrong" in str(found(name)) for name in CASES)


def test_an_output_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    done = gpu_check("--emulated", "--output", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == f"gpu-check: {tmp_path}: it is a folder, wanted a file\n"


def test_what_is_wrong_is_the_exit_code() -> None:
    fine = {"kernels": [{"name": "nms"}], "pool": "4 writers killed", "pipeline": {"frames": 1}}
    assert not is_wrong(fine)
    assert is_wrong({**fine, "pool": "wrong: image 2 is lost"})
    assert is_wrong({**fine, "pipeline": "wrong: a run failed"})
    assert is_wrong({**fine, "kernels": [{"name": "nms", "wrong": "3 of 9"}]})
