"""Memory and events of the device between real processes, and what becomes of them after a kill."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from tests.emulation.emulated import EmulatedCuda

OWNER = """
import os, sys
import numpy as np
import pycuda.driver as cuda
cuda.init()
context = cuda.Device(0).retain_primary_context()
context.push()
memory = cuda.mem_alloc(4096)
event = cuda.Event(cuda.event_flags.INTERPROCESS | cuda.event_flags.DISABLE_TIMING)
print(bytes(cuda.mem_get_ipc_handle(memory)).hex(), bytes(event.ipc_handle()).hex(), flush=True)
stream = cuda.Stream()
for line in sys.stdin:
    number, is_event_recorded = map(int, line.split())
    cuda.memset_d8_async(memory, number, 4096, stream)
    if is_event_recorded:
        event.record(stream)
    print("sent", flush=True)
os._exit(0)
"""
FRAMES = 20
LATE_US = "3000"


@contextmanager
def owner(
    cuda: EmulatedCuda, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], bytearray, bytearray]]:
    process = cuda.python(OWNER, **settings)
    assert process.stdout is not None
    memory, event = (bytearray.fromhex(word) for word in process.stdout.readline().split())
    try:
        yield process, memory, event
    finally:
        process.kill()
        process.communicate(timeout=60)


def wrong_frames(cuda: EmulatedCuda, *, waits_for_the_event: bool) -> int:
    """Count the frames, each filled with its number, that are read with another content."""
    wrong = 0
    with owner(cuda, EMULATED_CUDA_DELAY_US=LATE_US) as (process, memory_handle, event_handle):
        assert process.stdin is not None and process.stdout is not None
        memory = cuda.driver.IPCMemoryHandle(memory_handle)
        event = cuda.driver.Event.from_ipc_handle(event_handle)
        pixels = np.empty(4096, np.uint8)
        for number in range(1, FRAMES + 1):
            process.stdin.write(f"{number} {int(waits_for_the_event)}\n")
            process.stdin.flush()
            process.stdout.readline()
            if waits_for_the_event:
                event.synchronize()
            cuda.driver.memcpy_dtoh(pixels, memory)
            wrong += not (pixels == number).all()
        memory.close()
    return wrong


def test_who_waits_for_the_event_reads_what_was_written(cuda_context: EmulatedCuda) -> None:
    assert wrong_frames(cuda_context, waits_for_the_event=True) == 0


def test_who_does_not_wait_reads_too_early(cuda_context: EmulatedCuda) -> None:
    assert wrong_frames(cuda_context, waits_for_the_event=False) > 0


def test_memory_of_a_killed_owner_is_kept_for_its_readers(
    cuda_context: EmulatedCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATED_CUDA_ORPHANS", "kept")
    with owner(cuda_context) as (process, handle, _):
        memory = cuda_context.driver.IPCMemoryHandle(handle)
        cuda_context.driver.memset_d8(int(memory), 7, 4096)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        pixels = np.empty(4096, np.uint8)
        cuda_context.driver.memcpy_dtoh(pixels, int(memory))
        assert (pixels == 7).all()
        assert cuda_context.used_bytes() == 4096
        memory.close()
    assert cuda_context.used_bytes() == 0


READER_OF_LOST_MEMORY = """
import os, sys
import numpy as np
import pycuda.driver as cuda
cuda.init()
context = cuda.Device(0).retain_primary_context()
context.push()
memory = cuda.IPCMemoryHandle(bytearray.fromhex(sys.argv[1]))
print("open", flush=True)
sys.stdin.readline()
try:
    cuda.memcpy_dtoh(np.empty(4096, np.uint8), int(memory))
except cuda.Error as exc:
    print(exc, flush=True)
os._exit(0)
"""


def test_memory_of_a_killed_owner_can_be_a_fault(cuda_context: EmulatedCuda) -> None:
    with owner(cuda_context, EMULATED_CUDA_ORPHANS="fault") as (process, handle, _):
        reader = cuda_context.python(
            READER_OF_LOST_MEMORY, bytes(handle).hex(), EMULATED_CUDA_ORPHANS="fault"
        )
        assert reader.stdout is not None and reader.stdout.readline() == "open\n"
        process.kill()
        process.wait(timeout=60)
        said, _ = reader.communicate("go\n", timeout=60)
        assert "error 700 " in said


def test_a_handle_of_a_process_that_is_gone_cannot_be_opened(cuda_context: EmulatedCuda) -> None:
    with owner(cuda_context) as (process, handle, event):
        process.kill()
        process.wait(timeout=60)
        with pytest.raises(cuda_context.driver.Error, match="400"):
            cuda_context.driver.IPCMemoryHandle(handle)
        with pytest.raises(cuda_context.driver.Error, match="400"):
            cuda_context.driver.Event.from_ipc_handle(event)


def test_a_handle_opens_once(cuda_context: EmulatedCuda) -> None:
    with owner(cuda_context) as (_, handle, _):
        memory = cuda_context.driver.IPCMemoryHandle(handle)
        with pytest.raises(cuda_context.driver.Error, match="208"):
            cuda_context.driver.IPCMemoryHandle(handle)
        memory.close()


def test_memory_is_counted_over_processes_and_is_free_after_a_kill(
    cuda_context: EmulatedCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMULATED_CUDA_MEMORY_MIB", "1")
    with owner(cuda_context):
        assert cuda_context.used_bytes() == 4096
        with pytest.raises(cuda_context.driver.MemoryError):
            cuda_context.driver.mem_alloc((1 << 20) - 4095)
    assert cuda_context.used_bytes() == 0
    cuda_context.driver.mem_alloc(1 << 20).free()
