"""Streams, PTX and what a program must not do, in one process."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.emulation import build
from tests.emulation.emulated import EmulatedCuda

LANGUAGE = Path(__file__).parent / "language.cu"


@pytest.fixture(scope="module")
def ptx(emulated_cuda: EmulatedCuda, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ptx") / "language.ptx"
    command = ["nvcc", "--ptx", "-arch=compute_75", "-o", str(path), str(LANGUAGE)]
    subprocess.run(command, check=True, timeout=120)
    return path.read_text()


def test_ptx_runs_as_the_same_kernel_by_g_plus_plus(
    cuda_context: EmulatedCuda, ptx: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATED_CUDA_KERNELS", str(build.kernel_library(LANGUAGE)))
    module = cuda_context.driver.module_from_buffer(ptx.encode() + b"\0")
    out = np.zeros(10, np.int32)
    number = module.get_function("number")
    number(cuda_context.driver.InOut(out), np.int32(10), block=(5, 1, 1), grid=(2, 1))
    assert out.tolist() == list(range(10))


def test_ptx_with_other_parameters_is_refused(
    cuda_context: EmulatedCuda, ptx: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATED_CUDA_KERNELS", str(build.kernel_library(LANGUAGE)))
    wrong = ptx.replace(".param .u32 number_param_1", ".param .u64 number_param_1")
    assert wrong != ptx
    module = cuda_context.driver.module_from_buffer(wrong.encode() + b"\0")
    with pytest.raises(cuda_context.driver.Error, match="218"):
        module.get_function("number")


def test_an_image_that_is_no_ptx_is_refused(cuda_context: EmulatedCuda) -> None:
    with pytest.raises(cuda_context.driver.Error, match="200"):
        cuda_context.driver.module_from_buffer(b"ELF\0")


def test_too_few_arguments_are_refused(cuda_context: EmulatedCuda) -> None:
    number = cuda_context.module(LANGUAGE).get_function("number")
    with pytest.raises(cuda_context.driver.Error, match="error 1 "):
        number(np.int64(0), block=(1, 1, 1))


def test_a_stream_is_late_and_an_event_says_when_it_is_done(
    cuda_context: EmulatedCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATED_CUDA_DELAY_US", "20000")
    cuda = cuda_context.driver
    memory, stream, event = cuda.mem_alloc(16), cuda.Stream(), cuda.Event()
    cuda.memset_d8_async(memory, 3, 16, stream)
    event.record(stream)
    assert not event.query()
    event.synchronize()
    assert event.query()
    pixels = np.empty(16, np.uint8)
    cuda.memcpy_dtoh(pixels, memory)
    assert (pixels == 3).all()
    memory.free()


def test_one_stream_waits_for_the_event_of_another(
    cuda_context: EmulatedCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATED_CUDA_DELAY_US", "5000")
    cuda = cuda_context.driver
    first, second = cuda.Stream(), cuda.Stream()
    memory, copy, event = cuda.mem_alloc(16), cuda.mem_alloc(16), cuda.Event()
    for value in (1, 2):
        cuda.memset_d8_async(memory, value, 16, first)
    event.record(first)
    second.wait_for_event(event)
    cuda.memcpy_dtod_async(copy, memory, 16, second)
    second.synchronize()
    pixels = np.empty(16, np.uint8)
    cuda.memcpy_dtoh(pixels, copy)
    assert (pixels == 2).all()
    memory.free()
    copy.free()


WITHOUT_CONTEXT = """
import pycuda.driver as cuda
cuda.init()
try:
    cuda.mem_alloc(16)
except cuda.Error as exc:
    print(exc)
"""
AFTER_FORK = """
import os
import pycuda.driver as cuda
cuda.init()
if os.fork() == 0:
    try:
        cuda.Device(0).retain_primary_context()
    except cuda.Error as exc:
        print(exc, flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.parametrize(
    ("code", "error"), [(WITHOUT_CONTEXT, 201), (AFTER_FORK, 3)], ids=["no context", "fork"]
)
def test_what_a_driver_refuses(emulated_cuda: EmulatedCuda, code: str, error: int) -> None:
    said, _ = emulated_cuda.python(code).communicate(timeout=60)
    assert f"error {error} " in said


def test_too_much_memory_is_refused_and_none_is_lost(
    cuda_context: EmulatedCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATED_CUDA_MEMORY_MIB", "1")
    with pytest.raises(cuda_context.driver.MemoryError):
        cuda_context.driver.mem_alloc(2 << 20)
    assert cuda_context.used_bytes() == 0
