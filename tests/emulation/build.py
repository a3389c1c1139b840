"""Builds the emulated driver, PyCUDA and kernels; run as `python -m tests.emulation.build`.

Everything goes to a cache folder of the user, under a hash of what it is made from, so that only
the first run takes long (PyCUDA: about two minutes).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
DRIVER: Final = HERE / "driver"
PYCUDA: Final = "pycuda==2026.1"
FLAGS: Final = ("-std=c++20", "-fPIC", "-g1", "-w", "-fno-strict-aliasing")
KERNEL_FLAGS: Final = (
    *FLAGS,
    "-shared",
    "-O2",
    "-ffp-contract=off",
    "-U_FORTIFY_SOURCE",
    "-x",
    "c++",
)
LONGEST_S: Final = 900


class CannotBuildError(Exception):
    """This machine lacks what the emulation is built from."""


def missing() -> str | None:
    """Say in a sentence why nothing can be built here; None if it can."""
    nvcc, compiler = shutil.which("nvcc"), shutil.which("g++")
    if compiler is None:
        return "the emulated CUDA driver needs g++, which is not on the PATH (apt-get install g++)"
    if nvcc is None:
        return "the emulated CUDA driver needs nvcc of the CUDA toolkit, which is not on the PATH"
    try:
        header = cuda_root() / "include" / "cuda.h"
    except CannotBuildError as exc:
        return str(exc)
    return None if header.exists() else f"the emulated CUDA driver needs {header}"


def cuda_root() -> Path:
    """The folder of the CUDA toolkit; nvcc may be a script that calls the real one.

    Raises:
        CannotBuildError: nvcc does not say.
    """
    nvcc = shutil.which("nvcc") or "nvcc"
    said = subprocess.run(
        [nvcc, "--dryrun", "-x", "cu", os.devnull],
        check=False, capture_output=True, text=True, timeout=60,
    ).stderr  # fmt: skip
    top = re.search(r"^#\$ TOP=(.+)$", said, re.MULTILINE)
    if top is None:
        raise CannotBuildError(f"{nvcc} --dryrun does not say where its toolkit lies")
    return Path(top[1])


def cache_folder() -> Path:
    """Where everything built here is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "streamdet-emulation"


def driver() -> Path:
    """Build libcuda.so.1, unless it has been; returns its file."""
    sources = sorted(DRIVER.glob("*.cpp"))
    key = _hash([*sources, *DRIVER.glob("*.h")], FLAGS)
    return _once(cache_folder() / f"driver-{key}", _make_driver) / "libcuda.so.1"


def _make_driver(folder: Path) -> None:
    sources = sorted(DRIVER.glob("*.cpp"))
    include = f"-I{cuda_root() / 'include'}"
    headers = [cuda_root() / "include" / name for name in ("cuda.h", "cudaProfiler.h")]
    declared = "".join(
        _output(["g++", "-E", "-x", "c++", include, str(header)]) for header in headers
    )
    names = set(re.findall(r"\bCUresult\s+(cu[A-Z]\w+)\s*\(", declared))
    flags = [*FLAGS, "-O1", "-pthread", include]
    objects = [folder / f"{source.stem}.o" for source in sources]
    for source, made in zip(sources, objects, strict=True):
        _run(["g++", *flags, "-c", "-o", str(made), str(source)])
    ours = set(re.findall(r" T (cu\w+)$", _output(["nm", *map(str, objects)]), re.MULTILINE))
    stubs = folder / "stubs.c"  # 801: CUDA_ERROR_NOT_SUPPORTED
    stubs.write_text("".join(f"int {name}(void) {{ return 801; }}\n" for name in names - ours))
    _run(["gcc", "-fPIC", "-c", "-o", str(folder / "stubs.o"), str(stubs)])
    whole = ["-Wl,-soname,libcuda.so.1", "-Wl,--no-undefined", "-o", str(folder / "libcuda.so.1")]
    _run(["g++", "-shared", "-pthread", *whole, *map(str, folder.glob("*.o")), "-ldl"])
    (folder / "libcuda.so").symlink_to("libcuda.so.1")


def pycuda() -> Path:
    """Build PyCUDA against our driver, unless it has been; returns the folder to import from."""
    python = f"{sys.implementation.cache_tag}"
    key = hashlib.sha256(f"{PYCUDA} {python} {cuda_root()}".encode()).hexdigest()[:12]
    return _once(cache_folder() / f"pycuda-{key}", _make_pycuda)


def _make_pycuda(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _run([*pip, "download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation",
              "--dest", name, PYCUDA])  # fmt: skip
        with tarfile.open(next(work.glob("pycuda-*.tar.gz"))) as archive:
            archive.extractall(work, filter="data")
        source = next(path for path in work.glob("pycuda-*") if path.is_dir())
        options = [f"--cuda-root={cuda_root()}", f"--cudadrv-lib-dir={driver().parent}"]
        configure = [sys.executable, "configure.py", *options, "--no-cuda-enable-curand"]
        _run(configure, folder=source)
        flags = {"CFLAGS": "-O0 -g0 -w", "CXXFLAGS": "-O0 -g0 -w"}
        install = [*pip, "install", "--no-deps", "--no-build-isolation", "--target", str(folder)]
        _run([*install, str(source)], environment=flags)
    needed = ["pytools", "platformdirs", "typing_extensions", "siphash24"]
    _run([*pip, "install", "--no-deps", "--target", str(folder), *needed])


def kernel_library(source: Path) -> Path:
    """Compile a .cu file by g++, unless it has been; returns the shared object."""
    headers = [*source.parent.glob("*.cuh"), *source.parent.glob("*.h"), *DRIVER.glob("*.h")]
    key = _hash([source, *headers], KERNEL_FLAGS)
    name = f"kernel-{source.stem}-{key}"
    folder = _once(cache_folder() / name, lambda folder: _make_kernels(source, folder))
    return folder / f"{source.stem}.so"


def _make_kernels(source: Path, folder: Path) -> None:
    wrapper = folder / f"{source.stem}.cpp"
    wrapper.write_text(wrapped(source))
    library = folder / f"{source.stem}.so"
    include = [f"-I{cuda_root() / 'include'}", f"-I{source.parent}"]
    _run(["g++", *KERNEL_FLAGS, *include, "-o", str(library), str(wrapper)])


def wrapped(source: Path) -> str:
    """The text that g++ compiles for a .cu file: the language, the file, a line for each kernel.

    Raises:
        CannotBuildError: the file has no kernel.
    """
    # Preprocessed: a macro may name kernels, one for each type.
    text = _output(["g++", "-E", "-P", "-x", "c++", f"-I{source.parent}", str(source)])
    bounds = r"(?:__launch_bounds__\s*\([^)]*\)\s*)?"
    names = re.findall(rf"__global__\s+(?:void\s+{bounds}|{bounds}void\s+)(\w+)\s*\(", text)
    if not names:
        raise CannotBuildError(f'{source} holds no `extern "C" __global__ void NAME(`')
    pattern = r"extern\s+__shared__\s+([^;]*?)\s*(\w+)\s*\[\s*\]\s*;"
    dynamic = {name: kind for kind, name in re.findall(pattern, text)}
    shared = [
        f"alignas(16) thread_local {kind.split(') ')[-1]} {name}"
        f"[emulation::kSharedBytes / sizeof({kind.split(') ')[-1]})];"
        for name, kind in dynamic.items()
    ]
    places = ", ".join(f"reinterpret_cast<unsigned char*>({name})" for name in dynamic)
    return "\n".join(
        [
            f'#include "{DRIVER / "cuda_on_cpu.h"}"',
            f'#include "{source.resolve()}"',
            *shared,
            "struct EmulatedShared {",
            f"    static std::vector<unsigned char*> all() {{ return {{{places}}}; }}",
            "};",
            *(f"EMULATED_KERNEL({name})" for name in dict.fromkeys(names)),
            "",
        ]
    )


def _once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Make a folder whole, or not at all, and only once among all processes."""
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            unfinished = folder.with_name(f"{folder.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _hash(files: Sequence[Path], flags: Sequence[str]) -> str:
    digest = hashlib.sha256(f"{flags} {cuda_root()}".encode())
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _run(
    command: Sequence[str], folder: Path | None = None, environment: dict[str, str] | None = None
) -> None:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})},
        check=False, capture_output=True, text=True, timeout=LONGEST_S,
    )  # fmt: skip
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise CannotBuildError(f"{' '.join(command[:4])} ... failed:\n{said}")


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def main() -> int:
    """Build what the tests need; exit code 1 where that cannot be done."""
    try:
        if why := missing():
            raise CannotBuildError(why)
        print(f"Emulated CUDA driver: {driver()}")
        print(f"PyCUDA against it:    {pycuda()}")
    except CannotBuildError as exc:
        print(f"The tests of CUDA under emulation cannot run: {exc}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
