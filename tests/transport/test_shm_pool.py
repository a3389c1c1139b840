"""What only shared memory can do: be full, be seen by other processes, outlive its readers."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from streamdet.errors import ConfigError, StalePixelsError
from streamdet.frame import FrameRef
from streamdet.transport.array_pool import ArrayPool
from streamdet.transport.pool import PoolPlan
from streamdet.transport.shm_pool import FOLDER, PAGE, ShmPool, arena_bytes

HW = (2, 2)
WRITE_FROM_ELSEWHERE = """
import sys
from pathlib import Path
from streamdet.frame import FrameRef
from streamdet.transport.pool import PoolPlan
from streamdet.transport.shm_pool import ShmPool
pool = ShmPool.attach(PoolPlan("shm", "bgr24", Path(sys.argv[1]), 2, 12))
assert pool.view(FrameRef("prepare", 1, 4), (2, 2)).tolist() == [[[7] * 3] * 2] * 2
pool.claim(FrameRef("prepare", 1, 5), (2, 2))[:] = 9
"""


@pytest.fixture
def segment() -> Iterator[Path]:
    path = FOLDER / f"streamdet-test-{uuid4().hex}"
    yield path
    path.unlink(missing_ok=True)


def create(path: Path, slots: int, slot_bytes: int) -> ArrayPool:
    return ShmPool.create(PoolPlan("shm", "bgr24", path, slots, slot_bytes))


def test_an_arena_is_whole_pages() -> None:
    assert arena_bytes(slots=2, slot_bytes=12) == 3 * PAGE
    assert arena_bytes(slots=PAGE // 8 + 1, slot_bytes=PAGE + 1) == (2 + 2 * 513) * PAGE


def test_too_little_memory_is_a_sentence_and_leaves_no_file(segment: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"1024 slots needs 1048576 MiB in /dev/shm, .*--shm-size"
    ):
        create(segment, slots=1024, slot_bytes=1 << 30)
    assert not segment.exists()


def test_another_error_of_the_system_is_not_called_full(
    segment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(ConfigError, match=r"cannot be used \(broken\)"):
        create(segment, slots=1, slot_bytes=12)
    assert not segment.exists()


def test_only_this_user_may_look_and_every_page_is_there(segment: Path) -> None:
    create(segment, slots=2, slot_bytes=12).close()
    assert stat.S_IMODE(segment.stat().st_mode) == 0o600
    assert segment.stat().st_blocks * 512 >= 3 * PAGE


def test_another_process_sees_pixels_and_generations_and_its_end_leaves_them(segment: Path) -> None:
    pool = create(segment, slots=2, slot_bytes=12)
    pool.claim(FrameRef("prepare", 1, 4), HW)[:] = 7
    command = [sys.executable, "-c", WRITE_FROM_ELSEWHERE, str(segment)]
    subprocess.run(command, check=True, timeout=60)
    assert np.all(pool.view(FrameRef("prepare", 1, 5), HW) == 9)
    with pytest.raises(StalePixelsError):
        pool.view(FrameRef("prepare", 1, 4), HW)
    pool.close()
    assert segment.exists()


def test_a_file_size_limit_is_named(segment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.EFBIG, "File too large")

    monkeypatch.setattr("os.posix_fallocate", refuse)
    with pytest.raises(ConfigError, match=r"needs 1 MiB .* \(ulimit -f\)"):
        create(segment, slots=1, slot_bytes=1 << 20)
    assert not segment.exists()
