"""The device language on a CPU: barriers, shared memory, warps, atomics, and what is caught."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.emulation.emulated import EmulatedCuda, image

LANGUAGE = Path(__file__).parent / "language.cu"


@pytest.fixture(params=["forward", "reversed"])
def order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("EMULATED_CUDA_ORDER", request.param)
    return str(request.param)


@pytest.fixture
def run(
    emulated_module: Callable[[Path], Any], cuda_context: EmulatedCuda, order: str
) -> Callable[..., npt.NDArray[np.int32]]:
    cuda = cuda_context.driver

    def run(name: str, count: int, threads: int, shared: int = 0) -> npt.NDArray[np.int32]:
        """Launch a kernel of (out, count) over as many threads as needed; returns out."""
        out = np.zeros(count, np.int32)
        kernel = emulated_module(LANGUAGE).get_function(name)
        grid = (-(-count // threads), 1)
        kernel(cuda.InOut(out), np.int32(count), block=(threads, 1, 1), grid=grid, shared=shared)
        return out

    return run


def test_threads_know_their_place(run: Callable[..., npt.NDArray[np.int32]]) -> None:
    assert run("number", count=10, threads=4).tolist() == list(range(10))


def test_a_barrier_shows_what_the_others_wrote(run: Callable[..., npt.NDArray[np.int32]]) -> None:
    found = run("reverse_through_shared_memory", count=8, threads=4, shared=16)
    assert found.tolist() == [3, 2, 1, 0, 7, 6, 5, 4]


def test_a_missing_barrier_is_seen(run: Callable[..., npt.NDArray[np.int32]]) -> None:
    found = run("reverse_without_barrier", count=8, threads=4, shared=16)
    assert found.tolist() != [3, 2, 1, 0, 7, 6, 5, 4]


def test_warp_operations(run: Callable[..., npt.NDArray[np.int32]]) -> None:
    """Of 64 threads: the sum of each warp's lanes, a ballot of its odd lanes, its lane 5."""
    found = run("warps", count=64, threads=64).reshape(2, 32)
    assert found[:, 0].tolist() == [sum(range(32)), sum(range(32, 64))]
    assert found.view(np.uint32)[:, 1].tolist() == [0xAAAAAAAA] * 2
    assert found[:, 2].tolist() == [5, 37]


def test_threads_of_a_block_that_end_early_hold_up_none(
    run: Callable[..., npt.NDArray[np.int32]],
) -> None:
    assert run("half_ends_early", count=64, threads=64).tolist() == [32] * 32 + [0] * 32


def test_atomics_count_over_blocks(run: Callable[..., npt.NDArray[np.int32]]) -> None:
    assert run("count_all", count=100, threads=32)[0] == 128


FAULT = """
import sys
import numpy as np
import pycuda.driver as cuda
cuda.init()
context = cuda.Device(0).retain_primary_context()
context.push()
kernel = cuda.module_from_buffer(sys.argv[1].encode() + bytes(1)).get_function(sys.argv[2])
out = cuda.mem_alloc(256)
try:
    kernel(out, np.int32(64), block=(int(sys.argv[3]), 1, 1), shared=int(sys.argv[4]))
    context.synchronize()
except cuda.Error as exc:
    print(exc, flush=True)
import os
os._exit(0)
"""


@pytest.mark.parametrize(
    ("name", "threads", "shared", "error"),
    [
        ("writes_beyond_its_memory", 1, 0, 700),
        ("reverse_through_shared_memory", 64, 16, 700),
        ("waits_for_ever", 64, 0, 719),
        ("number", 2000, 0, 1),
        ("number", 64, 64 << 10, 1),
    ],
    ids=["memory", "shared memory", "barrier", "threads", "too much shared memory"],
)
def test_a_fault_is_an_error(
    emulated_cuda: EmulatedCuda, name: str, threads: int, shared: int, error: int
) -> None:
    named = image(LANGUAGE).rstrip(b"\0").decode()
    process = emulated_cuda.python(FAULT, named, name, str(threads), str(shared))
    said, _ = process.communicate(timeout=60)
    assert f"error {error} " in said
