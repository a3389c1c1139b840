"""Freed memory is kept."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Takes, writes and frees 64 MB (a step's activations) once, then counts the faults of five times.
SCRIPT = """
import ctypes, resource
from streamdet.system.process import keep_freed_memory

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p

def take_and_free():
    memory = ctypes.c_void_p(libc.malloc(64 << 20))
    ctypes.memset(memory, 1, 64 << 20)
    libc.free(memory)

{first}
take_and_free()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    take_and_free()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults_after(first: str) -> int:
    command = [sys.executable, "-c", SCRIPT.format(first=first)]
    return int(subprocess.run(command, capture_output=True, timeout=60, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc knows how")
def test_memory_that_was_freed_is_taken_again_without_page_faults() -> None:
    # A page has 4 KB or 2 MB: without it at least 5 * 32 faults. The interpreter has some itself.
    assert faults_after("pass") >= 150
    assert faults_after("keep_freed_memory()") <= 15
