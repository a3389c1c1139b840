"""What a process asks of the kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from streamdet.system.process import bound_to_parent, stop_signals_to
from streamdet.system.stop_signals import STOP_SIGNALS

SET_NAME = """
from pathlib import Path
from streamdet.system.process import set_name
set_name("sd:a-very-long-name")
print(Path("/proc/self/comm").read_text())
"""
SET_TITLE = """
from pathlib import Path
from streamdet.system.process import set_name
set_name("sd:detect-0", "streamdet worker detect-0 of run 0a, whatever its length")
print(Path("/proc/self/cmdline").read_text().strip("\\0 "))
print(Path("/proc/self/comm").read_text())
"""
HIDE = """
import os
from pathlib import Path
from streamdet.system.process import hide_secrets
hide_secrets()
shown = [Path("/proc/self", name).read_text().strip("\\0 ") for name in ("cmdline", "environ")]
print(shown[0].splitlines()[-1], "canary" in shown[1], os.environ["PASSWORD"])
"""
ORPHAN = "from streamdet.system.process import die_with_parent; die_with_parent(1); print('alive')"


def run(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)


def test_a_name_is_cut_to_what_the_kernel_shows() -> None:
    assert run(SET_NAME).stdout.strip() == "sd:a-very-long-"
    assert Path("/proc/self/comm").read_text() != "sd:a-very-long-\n"


def test_a_title_takes_the_place_of_the_command_line() -> None:
    title, comm = run(SET_TITLE).stdout.splitlines()[:2]
    assert title == "streamdet worker detect-0 of run 0a, whatever its length"
    assert comm == "sd:detect-0"


def test_a_command_line_is_listed_without_passwords_and_the_environment_not_at_all() -> None:
    command = [sys.executable, "-c", HIDE, "--source", "rtsp://u:p w@cam/x"]
    environ = os.environ | {"PASSWORD": "canary"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)
    assert done.stdout == " --source rtsp://u:***@cam/x False canary\n"


def test_a_process_whose_parent_is_gone_already_ends_at_once() -> None:
    done = run(ORPHAN)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_stop_signal_goes_to_the_handler_in_the_block_alone(number: signal.Signals) -> None:
    got: list[int] = []
    former = signal.signal(number, signal.SIG_DFL)  # nohup has SIGHUP ignored
    try:
        with stop_signals_to(lambda caught, _: got.append(caught)):
            signal.raise_signal(number)
        assert got == [number]
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, former)


def test_a_stop_signal_that_is_ignored_stays_so() -> None:
    former, got = signal.signal(signal.SIGHUP, signal.SIG_IGN), []
    try:
        with stop_signals_to(lambda caught, _: got.append(caught)):
            signal.raise_signal(signal.SIGHUP)
        assert not got
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)


def test_a_bound_process_runs_its_command_and_dies_with_its_parent() -> None:
    code = (
        "import subprocess, sys; from streamdet.system.process import bound_to_parent;"
        "child = subprocess.Popen(bound_to_parent([sys.executable, '-c',"
        " 'import time; print(1, flush=True); time.sleep(60)']), stdout=subprocess.PIPE);"
        "child.stdout.readline(); print(child.pid, flush=True)"
    )
    pid = int(run(code).stdout)
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(5)
    assert not psutil.pid_exists(pid)


def test_a_bound_process_whose_parent_is_gone_already_ends_at_once() -> None:
    command = bound_to_parent([sys.executable, "-c", "print('alive')"])
    command[command.index(str(os.getpid()))] = "1"
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (1, "")


def test_stop_signals_are_left_alone_outside_the_main_thread() -> None:
    former, seen = signal.getsignal(signal.SIGTERM), []

    def elsewhere() -> None:
        with stop_signals_to(lambda caught, _: None):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(5)
    assert seen == [former]
