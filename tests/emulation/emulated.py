"""The emulated device inside a test: PyCUDA imported over our driver, and kernels for it."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from streamdet.config.files import shipped
from streamdet.kernels.ptx import names
from streamdet.transport.cuda_device import CudaDevice, open_device
from tests.emulation import build
from tests.required import skip_for_want_of

LONGEST_S: Final = 120


class EmulatedCuda:
    """A device of its own for this test session; what is started with `environment` shares it.

    Attributes:
        driver: PyCUDA's `pycuda.driver`, initialised.
        environment: for other processes.
    """

    def __init__(self) -> None:
        library, packages = build.driver(), build.pycuda()
        self._device = Path(f"/dev/shm/emulated-cuda-test-{os.getpid()}")
        self._device.unlink(missing_ok=True)
        paths = [str(packages), os.environ.get("PYTHONPATH", "")]
        self.environment = {
            "EMULATED_CUDA_DEVICE": str(self._device),
            "LD_LIBRARY_PATH": f"{library.parent}:{os.environ.get('LD_LIBRARY_PATH', '')}",
            "PYTHONPATH": ":".join(filter(None, paths)),
        }
        os.environ.update(self.environment)
        self._library = ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)  # found by its soname
        self._library.emulated_cuda_used_bytes.restype = ctypes.c_uint64
        sys.path.append(str(packages))
        import pycuda.driver

        self.driver: Any = pycuda.driver
        self.driver.init()

    def used_bytes(self) -> int:
        """Device memory that living processes hold."""
        return int(self._library.emulated_cuda_used_bytes())

    def close(self) -> None:
        """Forget the device."""
        self._device.unlink(missing_ok=True)

    @contextmanager
    def context(self) -> Iterator[Any]:
        """The primary context, current, and released afterwards."""
        context = self.driver.Device(0).retain_primary_context()
        context.push()
        try:
            yield context
        finally:
            self.driver.Context.pop()
            context.detach()

    def module(self, source: Path) -> Any:
        """Load a .cu file's kernels, compiled by g++, through cuModuleLoadData."""
        return self.driver.module_from_buffer(image(source))

    def python(self, code: str, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        """Start a Python process that sees the same device."""
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, **self.environment, **settings},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip


def all_kernels() -> str:
    """The value of EMULATED_CUDA_KERNELS with which every kernel of ours is found by its PTX."""
    sources = shipped("engines/kernels")
    return ":".join(str(build.kernel_library(sources / f"{name}.cu")) for name in names())


def image(source: Path) -> bytes:
    """What cuModuleLoadData takes for a .cu file compiled by g++."""
    return f"emulated:{build.kernel_library(source)}".encode() + b"\0"


@pytest.fixture(scope="session")
def emulated_cuda() -> Iterator[EmulatedCuda]:
    """The emulated device; skips (fails where STREAMDET_REQUIRE has cuda) if it cannot be built."""
    if why := build.missing():
        skip_for_want_of("cuda", why)
    try:
        made = EmulatedCuda()
    except build.CannotBuildError as exc:
        skip_for_want_of("cuda", str(exc))
    yield made
    made.close()


@pytest.fixture
def emulated_gpu(
    emulated_cuda: EmulatedCuda, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CudaDevice]:
    """The emulated device as the pipeline opens it, with all kernels; it must be left empty."""
    monkeypatch.setenv("EMULATED_CUDA_KERNELS", all_kernels())
    device = open_device("cuda:0")
    yield device
    device.close()
    assert emulated_cuda.used_bytes() == 0


@pytest.fixture
def cuda_context(emulated_cuda: EmulatedCuda) -> Iterator[EmulatedCuda]:
    """The emulated device with its primary context current."""
    with emulated_cuda.context():
        yield emulated_cuda


@pytest.fixture
def emulated_module(cuda_context: EmulatedCuda) -> Any:
    """A function: path of a .cu file -> PyCUDA module with its kernels."""
    return cuda_context.module
