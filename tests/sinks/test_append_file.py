from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from streamdet.errors import ConfigError, EngineError
from streamdet.sinks.append_file import AppendFile, RedoFile, allow_open, remove_empty

LIMITED = """
import resource, sys
from pathlib import Path
from streamdet.errors import EngineError
from streamdet.sinks.append_file import AppendFile
resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8))
file = AppendFile(Path(sys.argv[1]))
file.append(b"whole")
try:
    file.append(b"partly")
except EngineError as exc:
    print(exc)
"""

HOLDER = """
import sys, time
from pathlib import Path
from streamdet.sinks.append_file import AppendFile
file = AppendFile(Path(sys.argv[1]), 0, b"x")
print("locked", flush=True)
time.sleep(60)
"""


def test_append_file_is_as_long_as_it_was_left_plus_what_was_to_be_redone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"keep, torn and far too long")
    file = AppendFile(path, 4, b"!")
    assert (path.read_bytes(), file.length) == (b"keep!", 5)
    file.append(b"?")
    file.close()
    assert path.read_bytes() == b"keep!?"


def test_append_writes_all_where_the_system_takes_it_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.pwrite
    file = AppendFile(tmp_path / "f")
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: whole(fd, data[:3], offset))
    file.append(b"0123456789")
    file.close()
    assert (tmp_path / "f").read_bytes() == b"0123456789"


def test_a_full_disk_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    file = AppendFile(tmp_path / "f")
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(EngineError, match=r"cannot write to .*f: No space left on device"):
        file.append(b"x")
    file.close()


def test_nothing_is_left_of_what_the_system_took_in_part(tmp_path: Path) -> None:
    path = tmp_path / "f"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == f"cannot write to {path}: File too large\n", done.stderr
    assert path.read_bytes() == b"whole"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_folder_or_a_pipe_is_refused_at_once(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "f")
    with pytest.raises(ConfigError, match="f: it is not a plain file"):
        AppendFile(tmp_path / "f")


def test_what_the_system_refuses_to_open_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write .*: File name too long"):
        AppendFile(tmp_path / ("f" * 300))


def test_a_dying_predecessor_is_waited_for(tmp_path: Path) -> None:
    first = AppendFile(tmp_path / "f", 0, b"mine")
    Timer(0.2, first.close).start()
    AppendFile(tmp_path / "f", 4).close()
    assert (tmp_path / "f").read_bytes() == b"mine"


def test_a_new_run_does_not_wait_for_the_end_of_another_and_empty_its_file(tmp_path: Path) -> None:
    other = AppendFile(tmp_path / "f", 0, b"theirs")
    Timer(0.2, other.close).start()
    with pytest.raises(ConfigError, match="another run is writing it"):
        AppendFile(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"theirs"


def test_a_file_that_is_removed_while_it_is_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fcntl.flock

    def remove_first(fd: int, operation: int) -> None:
        (tmp_path / "f").unlink()
        whole(fd, operation)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with pytest.raises(ConfigError, match="another run has just removed it"):
        AppendFile(tmp_path / "f")


@pytest.mark.parametrize(
    ("is_there", "data", "stays"), [(False, b"", False), (False, b"x", True), (True, b"", True)]
)
def test_discard_removes_an_empty_file_that_opening_made(
    tmp_path: Path, is_there: bool, data: bytes, stays: bool
) -> None:
    path = tmp_path / "f"
    if is_there:
        path.write_bytes(b"old")
    file = AppendFile(path, 0 if data else None, data)
    file.discard()
    file.discard()
    assert path.exists() == stays


@pytest.mark.parametrize(("data", "stays"), [(b"", False), (b"x", True)])
def test_only_an_empty_file_is_removed(tmp_path: Path, data: bytes, stays: bool) -> None:
    (tmp_path / "f").write_bytes(data)
    remove_empty(tmp_path / "f")
    remove_empty(tmp_path / "none")
    assert (tmp_path / "f").exists() == stays


def test_an_empty_file_that_another_run_holds_is_not_removed(tmp_path: Path) -> None:
    file = AppendFile(tmp_path / "f")
    remove_empty(tmp_path / "f")
    assert (tmp_path / "f").exists()
    file.close()


def test_more_files_may_be_opened_than_the_soft_limit_says() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    try:
        allow_open(1000)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(1000, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_killed_process_lets_go_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        holder.send_signal(signal.SIGKILL)
        AppendFile(path, 1).close()


def test_redo_file_shows_nothing_before_it_is_committed(tmp_path: Path) -> None:
    file = RedoFile(tmp_path / "f", None)
    file.stage(b"one\n")
    file.stage(b"two\n")
    assert (tmp_path / "f").read_bytes() == b""
    file.commit()
    assert (tmp_path / "f").read_bytes() == b"one\ntwo\n"
    file.close()


@pytest.mark.parametrize("torn", [b"", b"on", b"one\n"])
def test_redo_file_writes_what_was_committed_but_not_shown(tmp_path: Path, torn: bytes) -> None:
    file = RedoFile(tmp_path / "f", None)
    file.stage(b"one\n")
    state = file.state()
    file.close()
    (tmp_path / "f").write_bytes(torn)
    RedoFile(tmp_path / "f", state).close()
    assert (tmp_path / "f").read_bytes() == b"one\n"


def test_redo_file_has_no_state_where_nothing_is_staged(tmp_path: Path) -> None:
    file = RedoFile(tmp_path / "f", None)
    assert file.state() is None
    file.close()
