"""engines/kernels/NAME.cu -> PTX, which any GPU's driver turns into its own code."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from streamdet.config.files import shipped
from streamdet.errors import EngineError
from streamdet.system.atomic_file import replaced_whole
from streamdet.system.cache import cache_places

FLAGS: Final = ("-ptx", "-arch=compute_75", "-std=c++17", "-fmad=false", "-Werror=all-warnings")
"""compute_75: Turing and later. No fused multiply-add: thresholds are decided bit for bit as in
ops/, and as by the same code compiled for a CPU."""

_FOLDER: Final = "engines/kernels"
_COMPILE_S: Final = 180


def names() -> list[str]:
    """The files of kernels, without suffix, sorted: "nms", "roi_align_fpn", ..."""
    return sorted(path.stem for path in shipped(_FOLDER).glob("*.cu"))


def digest(name: str, folder: Path | None = None) -> str:
    """A digest of all that the PTX depends on but the compiler: sources and flags.

    Args:
        name: see `names`.
        folder: where the sources are; by default those that streamdet comes with.

    Raises:
        EngineError: there is no such file.
    """
    parts = _with_headers(_source(name, folder))
    sha = hashlib.sha256(" ".join(FLAGS).encode())
    for part in sorted(parts):
        sha.update(part.name.encode() + b"\0" + part.read_bytes())
    return sha.hexdigest()


def ptx(name: str, folder: Path | None = None) -> bytes:
    """Give the PTX of a file of kernels: compiled once by nvcc, then kept in the cache folder.

    The file's first lines say which compiler made it.

    Args:
        name: see `names`.
        folder: see `digest`.

    Returns:
        The text; a driver wants a NUL after it, which PyCUDA does not add.

    Raises:
        EngineError: there is no such file, or it is not in the cache and nvcc is missing or fails.
    """
    kept = f"{name}-{digest(name, folder)[:16]}.ptx"
    places = [place / "kernels" / kept for place in cache_places()]
    for path in places:
        with suppress(FileNotFoundError):
            return path.read_bytes()
    if not places:
        raise EngineError("there is no folder that PTX can be kept in: set XDG_CACHE_HOME")
    with replaced_whole(places[-1]) as part:
        _compile(_source(name, folder), part)
    return places[-1].read_bytes()


def find_nvcc() -> Path | None:
    """NVIDIA's compiler: on PATH, or where its installer puts it; None where it is missing."""
    found = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
    return None if found is None else Path(found)


def _source(name: str, folder: Path | None) -> Path:
    source = (folder or shipped(_FOLDER)) / f"{name}.cu"
    if not source.is_file():
        raise EngineError(f"there is no kernel {name!r}, only {', '.join(names())}")
    return source


def _with_headers(source: Path) -> set[Path]:
    """A source and the headers of ours that it includes, and those that they include."""
    found = {source}
    for name in re.findall(r'^#include "([^"]+)"', source.read_text(), re.M):
        found |= _with_headers(source.with_name(name))
    return found


def _compile(source: Path, output: Path) -> None:
    nvcc = find_nvcc()
    if nvcc is None:
        raise EngineError(
            f"the kernel {source.name} must be compiled, and nvcc is not on PATH: install NVIDIA's"
            " CUDA toolkit, or set XDG_CACHE_HOME to a cache folder of a machine that has it"
        )
    command = [str(nvcc), *FLAGS, "-o", str(output), str(source)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_COMPILE_S)
    except subprocess.CalledProcessError as exc:
        first = next((line for line in exc.stderr.splitlines() if "error" in line), exc.stderr)
        raise EngineError(f"nvcc cannot compile {source}: {first.strip()}") from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise EngineError(f"nvcc did not compile {source}: {exc}") from exc
