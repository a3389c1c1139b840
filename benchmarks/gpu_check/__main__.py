"""`python -m benchmarks.gpu_check`: see the package; `make gpu-check` runs it."""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.gpu_check import libraries
from benchmarks.gpu_check.case import SMALL, Case, Sizes
from benchmarks.gpu_check.cases import CASES
from benchmarks.gpu_check.gpu import (
    Gpu,
    RealGpu,
    bandwidth,
    called_ms,
    emulated_gpu,
    graph_ms,
)
from benchmarks.gpu_check.pipeline import Cameras, run_on_both
from streamdet.errors import ConfigError, EngineError, StreamdetError
from streamdet.kernels.ptx import find_nvcc
from streamdet.system.atomic_file import checked_output, write_whole

RESULTS: Final = Path(__file__).parents[1] / "results"
FEW: Final = Cameras(2, 6, (240, 320))
"""For a CPU that plays a GPU."""
NOT_CHECKED: Final = [
    "engines of TensorRT: built by `streamdet models build --runtime tensorrt`, not run here"
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Check all, print it, write it; 1 if something is wrong or there is no GPU."""
    stated = _parser().parse_args(arguments)
    try:
        output = None if stated.output is None else checked_output(stated.output)
        with emulated_gpu() if stated.emulated else nullcontext(RealGpu()) as gpu:
            result = checked(gpu)
    except ConfigError as exc:
        print(f"gpu-check: {stated.output}: {exc}", file=sys.stderr)
        return 2
    except EngineError as exc:
        print(f"gpu-check: {exc}", file=sys.stderr)
        return 1
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    result = {"date": today, **result}
    path = output or RESULTS / f"{_slug(gpu.name)}-{today}.json"
    write_whole(path, (json.dumps(result, indent=1) + "\n").encode())
    print(f"Written: {path}")
    return int(is_wrong(result))


def is_wrong(result: dict[str, Any]) -> bool:
    """Whether anything was found wrong."""
    parts = [str(result["pool"]), str(result["pipeline"])]
    return any("wrong" in kernel for kernel in result["kernels"]) or any(
        part.startswith("wrong") for part in parts
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu_check",
        description="Check the GPU path on this machine's GPU and measure it.",
        epilog="example: python -m benchmarks.gpu_check --output h200.json",
    )
    parser.add_argument("--output", type=Path, help="JSON; by default in benchmarks/results")
    parser.add_argument(
        "--emulated", action="store_true", help="on the emulated driver of the tests: no times"
    )
    return parser


def checked(gpu: Gpu) -> dict[str, Any]:
    """Check everything on a device.

    Returns:
        What is written as JSON: a kernel that is wrong has `wrong`; what was not tried says why.
    """
    begin = time.monotonic()
    rate = None if gpu.is_emulated else bandwidth()
    sizes = SMALL if gpu.is_emulated else Sizes()
    kernels = []
    for name, make in CASES.items():
        kernels.append({"name": name, **checked_case(gpu, partial(make, gpu, sizes), rate)})
        print(_line(kernels[-1]), flush=True)
    cameras = FEW if gpu.is_emulated else Cameras()
    result: dict[str, Any] = {
        "device": gpu.name,
        "is_emulated": gpu.is_emulated,
        "versions": _versions(gpu),
        "copy_gb_per_s": None if rate is None else round(rate / 1e9),
        "kernels": kernels,
        "pool": _tried(_pool),
        "pipeline": _tried(partial(run_on_both, cameras, is_emulated=gpu.is_emulated)),
        "nvdec": "not tried: emulated" if gpu.is_emulated else libraries.nvdec(),
        "tensorrt": libraries.tensorrt(),
        "not_checked": NOT_CHECKED,
    }
    if gpu.is_emulated and isinstance(result["pipeline"], dict):
        result["pipeline"] |= {"gpu_fps": None, "cpu_fps": None}
        for detector in result["pipeline"]["detectors"].values():
            detector["fps"] = None
    for name in ("pool", "pipeline", "nvdec", "tensorrt"):
        print(f"{name}: {result[name]}")
    return {**result, "seconds": round(time.monotonic() - begin)}


def checked_case(gpu: Gpu, make: Callable[[], Case], rate: float | None) -> dict[str, Any]:
    """Run a kernel, compare, then measure.

    Args:
        gpu: where.
        make: gives the case.
        rate: bytes per second of a copy there; None: nothing is measured.

    Returns:
        Times in ms, `floor_ms` for the bytes that must move at the rate of a copy; or `wrong`.
    """
    try:
        case = make()
        gpu.run(case.file, case.launches)
        case.check()
    except (AssertionError, RuntimeError, EngineError) as exc:  # the driver's faults included
        return {"wrong": " ".join(str(exc).split())[:500]}
    found: dict[str, Any] = {"agrees_to": case.agreement}
    if rate is None:
        return found

    def start() -> None:
        gpu.start(case.file, case.launches)

    found |= {
        "ms": round(graph_ms(start), 4),
        "called_ms": round(called_ms(start), 4),
        "floor_ms": round(case.moved / rate * 1000, 4),
    }
    if case.theirs is not None:
        found["torchvision_called_ms"] = round(called_ms(case.theirs), 4)
    return found


def _line(kernel: dict[str, Any]) -> str:
    if "wrong" in kernel:
        return f"{kernel['name']:24} WRONG: {kernel['wrong']}"
    times = [f"{key} {value}" for key, value in kernel.items() if key.endswith("ms")]
    return f"{kernel['name']:24} agrees ({kernel['agrees_to']})  {'  '.join(times)}"


def _pool() -> str:
    packages = ("pycuda", "setproctitle")
    if missing := [name for name in packages if importlib.util.find_spec(name) is None]:
        return f"not tried: {', '.join(missing)} missing"
    from benchmarks.gpu_check.pool import killed_writers

    return killed_writers()


def _tried(check: Callable[[], Any]) -> Any:
    """What a check says; a sentence that begins with "wrong" if it fails."""
    try:
        return check()
    except (AssertionError, StreamdetError, subprocess.TimeoutExpired) as exc:
        return f"wrong: {exc}"


def _versions(gpu: Gpu) -> dict[str, str]:
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    if (nvcc := find_nvcc()) is not None:
        said = _output([str(nvcc), "--version"])
        versions["nvcc"] = said.strip().splitlines()[-1]
    if not gpu.is_emulated:
        major, minor = torch.cuda.get_device_capability()
        versions |= {"compute_capability": f"{major}.{minor}", "cuda": str(torch.version.cuda)}
    return versions


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


if __name__ == "__main__":
    sys.exit(main())
