"""A TMPDIR that no socket can be made in: its path is too long, or no plain text."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from streamdet.transport.run_folder import RunFolder, sweep
from tests.cases.machine import STREET, mounted, streamdet

STREAM = """
import streamdet
print(len(list(streamdet.stream({street!r}))))
"""
DIE = """
import os, signal
from streamdet.transport.run_folder import RunFolder
print(RunFolder.create().path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def long_folder(tmp_path: Path) -> Path:
    folder = tmp_path / ("workspace-" * 20) / "tmp"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        b"w" * 150,
        pytest.param(b"caf\xe9", marks=pytest.mark.nightly),
        pytest.param(b"a b#c%20?d&e", marks=pytest.mark.nightly),
    ],
)
def test_a_run_works_and_leaves_nothing_in_it(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    done = streamdet("run", "people", "--source", STREET, env={"TMPDIR": str(folder)})
    assert "in 5 frames" in done.stdout
    assert [path for path in folder.rglob("*") if path.name != "lock" and path.is_file()] == []


def test_frames_come_to_python(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STREAM.format(street=STREET)],
        env=os.environ | {"TMPDIR": str(long_folder(tmp_path))},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout == "5\n", done.stderr


def test_the_short_folder_is_private_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(long_folder(tmp_path)))
    folder = RunFolder.create()
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert len(str(folder.path)) < 90
    folder.remove()
    assert not folder.path.exists()


def test_a_killed_run_is_swept_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="sd-") as runtime:
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        monkeypatch.setenv("TMPDIR", str(long_folder(tmp_path)))
        monkeypatch.setattr(tempfile, "tempdir", None)
        command = [sys.executable, "-c", DIE]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        dead = Path(done.stdout.strip())
        assert dead.parent == Path(runtime) / f"streamdet-{os.getuid()}"
        assert dead.is_dir()
        assert sweep() == [dead.name]
        assert not dead.exists()


@pytest.mark.skipif(
    sys.executable.startswith(("/tmp/", "/var/tmp/")), reason="Python lies in a hidden folder"
)
def test_a_machine_without_any_place_says_what_to_set(tmp_path: Path) -> None:
    read_only = "mount -t tmpfs -o ro none /tmp; mount -t tmpfs -o ro none /var/tmp;"
    read_only += "mount -t tmpfs -o ro none /dev/shm; cd /tmp"
    done = streamdet(
        *("run", "people", "--source", STREET),
        env={"TMPDIR": "/tmp", "XDG_RUNTIME_DIR": None},
        inside=mounted(read_only),
        code=2,
    )
    assert re.search(r"^error: no folder can hold .* set TMPDIR", done.stderr, re.MULTILINE)
