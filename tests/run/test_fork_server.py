"""The fork server: forks, tells how its children end, and takes them along when it ends."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from streamdet.run.fork_server import Exit, ForkServer, ForkServerDiedError


def answer(code: int) -> int:
    return code


def crash() -> int:
    raise ZeroDivisionError("on purpose")


def sleep() -> int:
    time.sleep(60)
    return 0


def has_imported(name: str, path: str) -> int:
    Path(path).write_text(str(name in sys.modules))
    return 0


def copied_by_collecting(path: str) -> int:
    """Say how much memory becomes this child's own by a collection, KiB."""
    process = psutil.Process()
    before = process.memory_full_info().uss
    gc.collect()
    Path(path).write_text(str((process.memory_full_info().uss - before) // 1024))
    return 0


def wants_no_signals(path: str) -> int:
    """Say what this child inherited."""
    is_default = signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
    Path(path).write_text(
        f"{is_default} {signal.set_wakeup_fd(-1)} {os.getsid(0) == os.getpgid(0)}"
    )
    return 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkServer]:
    made = ForkServer(["tests.run.test_fork_server", "colorsys"], tmp_path / "log")
    yield made
    made.stop()


def ends(server: ForkServer, count: int) -> dict[int, int]:
    """Process id -> exit code, of the next `count` processes to end."""
    found: list[Exit] = []
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        found += server.exits(0.2)
    return {exit_.pid: exit_.code for exit_ in found}


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def eventually(is_true: Callable[[], bool], limit_s: float = 5.0) -> bool:
    deadline = time.monotonic() + limit_s
    while not is_true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_true()


def test_a_collection_does_not_copy_what_is_shared_with_the_server(
    server: ForkServer, tmp_path: Path
) -> None:
    path = tmp_path / "kib"
    server.spawn("tests.run.test_fork_server:copied_by_collecting", str(path))
    ends(server, 1)
    assert int(path.read_text()) < 1024


def test_exit_codes_come_back(server: ForkServer) -> None:
    codes = {server.spawn(f"{__name__}:answer", code): code for code in (0, 3, 4)}
    assert ends(server, 3) == codes


def test_nothing_has_ended_while_everything_runs(server: ForkServer) -> None:
    server.spawn(f"{__name__}:sleep")
    started_s = time.monotonic()
    assert server.exits(0.05) == []
    assert time.monotonic() - started_s >= 0.05


def test_a_killed_child_is_told_by_its_signal(server: ForkServer) -> None:
    pid = server.spawn(f"{__name__}:sleep")
    os.kill(pid, signal.SIGKILL)
    assert ends(server, 1) == {pid: -signal.SIGKILL}


def test_a_child_that_raises_leaves_its_traceback_in_the_log(
    server: ForkServer, tmp_path: Path
) -> None:
    pid = server.spawn(f"{__name__}:crash")
    assert ends(server, 1) == {pid: 1}
    assert "ZeroDivisionError: on purpose" in (tmp_path / "log").read_text()


def test_no_child_stays_a_zombie(server: ForkServer) -> None:
    pids = [server.spawn(f"{__name__}:answer", 0) for _ in range(5)]
    assert set(ends(server, 5)) == set(pids)
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []


def test_exits_that_come_between_forks_are_not_lost(server: ForkServer) -> None:
    pids = set()
    for _ in range(10):
        pids.add(server.spawn(f"{__name__}:answer", 0))
        time.sleep(0.01)
    assert set(ends(server, 10)) == pids


def test_modules_are_imported_before_the_fork(server: ForkServer, tmp_path: Path) -> None:
    server.spawn(f"{__name__}:has_imported", "colorsys", str(tmp_path / "answer"))
    ends(server, 1)
    assert (tmp_path / "answer").read_text() == "True"


def test_a_child_has_no_signal_handling_of_the_server(server: ForkServer, tmp_path: Path) -> None:
    server.spawn(f"{__name__}:wants_no_signals", str(tmp_path / "answer"))
    ends(server, 1)
    assert (tmp_path / "answer").read_text() == "True -1 True"


def test_stop_ends_every_child_and_the_server(server: ForkServer) -> None:
    pids = [server.spawn(f"{__name__}:sleep") for _ in range(3)]
    server.stop()
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []
    assert not psutil.pid_exists(server._process.pid)


def test_children_die_with_a_server_that_was_killed_and_its_death_is_told(
    server: ForkServer,
) -> None:
    pids = [server.spawn(f"{__name__}:sleep") for _ in range(3)]
    os.kill(server._process.pid, signal.SIGKILL)
    assert eventually(lambda: all(is_gone(pid) for pid in pids), 2.0)
    with pytest.raises(ForkServerDiedError, match="the fork server has ended"):
        server.exits(5)
    with pytest.raises(ForkServerDiedError):
        server.spawn(f"{__name__}:answer", 0)


def test_a_server_that_cannot_import_says_why(tmp_path: Path) -> None:
    server = ForkServer(["no_such_module"], tmp_path / "log")
    with pytest.raises(ForkServerDiedError):
        server.spawn(f"{__name__}:answer", 0)
    server.stop()
    assert "No module named 'no_such_module'" in (tmp_path / "log").read_text()
