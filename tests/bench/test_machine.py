"""What is known of the machine that is measured on."""

import os
import subprocess
import sys
import time

from streamdet.bench import machine
from streamdet.system.cores import cores


def test_processes_are_found_below_their_grandparent() -> None:
    program = "import subprocess; subprocess.run(['sleep', '60'])"
    with subprocess.Popen([sys.executable, "-c", program]) as parent:
        deadline = time.monotonic() + 10
        while "sleep" not in (found := machine.descendants(os.getpid())).values():
            assert time.monotonic() < deadline
        assert parent.pid in found
        os.kill(next(pid for pid, name in found.items() if name == "sleep"), 9)


def test_a_process_that_has_ended_has_no_memory() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert machine.rss_kib(ended.pid) is None
    assert (machine.rss_kib(os.getpid()) or 0) > 1000


def test_waiting_for_quiet_ends() -> None:
    started_s = time.monotonic()
    assert machine.wait_until_quiet(limit_s=0) >= 0
    assert time.monotonic() - started_s < 5


def test_the_machine_is_described() -> None:
    assert machine.describe()["cores"] == cores() >= 1
