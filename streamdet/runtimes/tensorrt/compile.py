"""ONNX file -> engine, by a TensorRT library in a process of its own.

That process may abort (exit code 134) where a plugin refuses all formats or a shared library is
missing: this one says so in a sentence.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streamdet.errors import ConfigError, EngineError
from streamdet.runtimes.tensorrt.layers import Layer, read_layers
from streamdet.runtimes.tensorrt.library import library_path

LIMIT_S: Final = 3600.0
"""Longest time of one build: full TensorRT measures its choices for minutes."""


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """What is built.

    Attributes:
        library: "tensorrt" or "tensorrt_rtx".
        onnx: the network, an `onnx.ModelProto`; its types say in which precision.
        targets: GPUs, such as "sm_89".
        batches: least, usual and largest number of images, where the network leaves it free.
        ptx: type of a node of ours -> PTX of its kernels.
    """

    library: str
    onnx: Any
    targets: tuple[str, ...]
    batches: tuple[int, int, int]
    ptx: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class CompiledEngine:
    """What was built.

    Attributes:
        content: the engine.
        version: of the library.
        layers: see `Layer`.
    """

    content: bytes
    version: str
    layers: tuple[Layer, ...]


def compile_engine(request: EngineRequest, limit_s: float = LIMIT_S) -> CompiledEngine:
    """Build an engine.

    Raises:
        EngineError: the library cannot be used, refuses the network, or does not finish in time.
        ConfigError: it does not build for a target.
    """
    with tempfile.TemporaryDirectory(prefix="streamdet-engine-") as name:
        folder = Path(name)
        _write_work(request, folder)
        _run_child(request.library, folder, limit_s)
        answer = json.loads((folder / "answer.json").read_text())
        if "failure" in answer:
            raise _ERRORS.get(answer["kind"], EngineError)(answer["failure"])
        types = {node.name: node.op_type for node in request.onnx.graph.node}
        return CompiledEngine(
            (folder / "engine").read_bytes(),
            answer["version"],
            tuple(read_layers(answer["layers"], types)),
        )


_ERRORS: Final[dict[str, type[Exception]]] = {"ConfigError": ConfigError}


def _write_work(request: EngineRequest, folder: Path) -> None:
    onnx = folder / "network.onnx"
    onnx.write_bytes(request.onnx.SerializeToString())
    ptx = {name: folder / f"{name}.ptx" for name in request.ptx}
    for name, path in ptx.items():
        path.write_bytes(request.ptx[name])
    work = {
        "library": request.library,
        "onnx": str(onnx),
        "targets": request.targets,
        "batches": request.batches,
        "ptx": {name: str(path) for name, path in ptx.items()},
    }
    (folder / "work.json").write_text(json.dumps(work))


def _run_child(library: str, folder: Path, limit_s: float) -> None:
    links = folder / "links"
    links.mkdir()
    command = [sys.executable, "-m", "streamdet.runtimes.tensorrt.child"]
    with (folder / "log").open("wb") as log:
        try:
            done = subprocess.run(
                [*command, str(os.getpid()), str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=limit_s,
                check=False,
                env=os.environ | library_path(library, links) | {"PYTHONHASHSEED": "0"},
            )
        except subprocess.TimeoutExpired as exc:
            raise EngineError(f"{library} did not build the engine in {limit_s:.0f} s") from exc
    if not (folder / "answer.json").is_file():
        said = (folder / "log").read_text(errors="replace").strip().splitlines()
        last = f": {said[-1][:300]}" if said else ""
        raise EngineError(f"{library} {_ended(done.returncode)} while it built the engine{last}")


def _ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
