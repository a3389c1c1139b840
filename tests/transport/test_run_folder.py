"""What a run leaves on a machine is swept when, and only when, the run is dead."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.transport.run_folder import RunFolder, live_runs, runs_root, sweep
from streamdet.transport.shm_pool import FOLDER

DIE_IN_THE_MIDDLE = """
import os, signal
from streamdet.transport.run_folder import RunFolder
folder = RunFolder.create()
folder.pool_path("prepare").touch()
print(folder.run_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


DEAD = secrets.token_hex(6)
"""A run of these tests only: shared memory is everybody's."""


@pytest.fixture(autouse=True)
def places(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs of these tests only on disk; nothing of theirs stays in shared memory."""
    monkeypatch.setattr(tempfile, "tempdir", str(short_folder))
    yield
    for path in FOLDER.glob(f"streamdet-*{DEAD}*"):
        path.unlink()


@pytest.fixture
def folder() -> Iterator[RunFolder]:
    made = RunFolder.create()
    yield made
    made.remove()


def dead_run(run_id: str) -> Path:
    path = runs_root() / run_id
    path.mkdir()
    (path / "lock").touch()
    return path


def test_a_folder_is_for_this_user_only_and_its_pools_bear_the_runs_name(folder: RunFolder) -> None:
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(runs_root().stat().st_mode) == 0o700
    assert folder.pool_path("prepare").name == f"streamdet-{folder.run_id}-prepare"


def test_remove_takes_folder_and_pools_and_may_be_called_twice(folder: RunFolder) -> None:
    folder.pool_path("prepare").touch()
    (folder.path / "workers.log").touch()
    folder.remove()
    folder.remove()
    assert not folder.path.exists()
    assert not folder.pool_path("prepare").exists()


def test_sweep_removes_dead_runs_with_their_pools_and_nothing_else(folder: RunFolder) -> None:
    dead = dead_run(DEAD)
    segments = [FOLDER / name for name in (f"streamdet-{DEAD}-x", f"streamdet-other-{DEAD}")]
    for path in (*segments, folder.pool_path("prepare")):
        path.touch()
    stranger = runs_root() / "notes"
    stranger.mkdir()
    assert sweep() == [DEAD]
    assert [path.exists() for path in (dead, *segments)] == [False, False, True]
    assert folder.path.exists()
    assert folder.pool_path("prepare").exists()
    assert stranger.exists()


def test_a_run_that_was_killed_is_swept(short_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIE_IN_THE_MIDDLE],
        check=False,
        env=os.environ | {"TMPDIR": str(short_folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    segment = FOLDER / f"streamdet-{done.stdout.strip()}-prepare"
    assert segment.exists()
    assert sweep() == [done.stdout.strip()]
    assert not segment.exists()


def test_nobody_sweeps_while_a_folder_is_being_made() -> None:
    dead_run(DEAD)  # made, and not locked yet
    swept: list[list[str]] = []
    sweeper = threading.Thread(target=lambda: swept.append(sweep()))
    with (runs_root() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sweeper.start()
        sweeper.join(0.1)
        assert swept == []
    sweeper.join(5)
    assert swept == [[DEAD]]


def test_live_runs_are_listed_newest_first(folder: RunFolder) -> None:
    dead_run(DEAD)
    newer = RunFolder.create()
    os.utime(folder.path, (1, 1))
    assert live_runs() == [newer.path, folder.path]
    newer.remove()
    assert live_runs() == [folder.path]


def test_a_folder_that_somebody_else_made_is_refused(short_folder: Path) -> None:
    (short_folder / "elsewhere").mkdir()
    (short_folder / f"streamdet-{os.getuid()}").symlink_to(short_folder / "elsewhere")
    with pytest.raises(ConfigError, match="belongs to another user"):
        RunFolder.create()
