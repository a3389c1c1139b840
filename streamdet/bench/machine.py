"""The machine that is measured on: what it is, who else uses it, what runs there (Linux)."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any, Final

from streamdet.system.cores import cores

QUIET_CORES: Final = 0.15
"""Cores in use by others, at most, for a machine to count as quiet."""
_LOOK_S: Final = 0.5
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


def describe() -> dict[str, Any]:
    """Say what the machine is, as far as it matters to a metric."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": cores(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": os.getloadavg(),
    }


def wait_until_quiet(limit_s: float = 20.0) -> float:
    """Wait until others use less than QUIET_CORES, or the time is over.

    Call it while nothing of ours runs.

    Returns:
        The cores that others used in the last half second.
    """
    deadline = time.monotonic() + limit_s
    while (busy := _busy_cores()) > QUIET_CORES and time.monotonic() < deadline:
        pass
    return busy


def descendants(pid: int) -> dict[int, str]:
    """Find the processes below a process: process id -> name, as `ps -o comm` shows it."""
    found: dict[int, str] = {}
    for child in _children(pid):
        name = _read(Path(f"/proc/{child}/comm")).strip()
        if name:
            found |= {child: name} | descendants(child)
    return found


def rss_kib(pid: int) -> int | None:
    """Resident memory of a process, shared pages included, KiB; None if it has ended."""
    for line in _read(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return None


def busy_s() -> float:
    """CPU seconds that the machine has worked since it was started."""
    user, nice, system, _idle, _iowait, *rest = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    )
    return (user + nice + system + sum(rest[:3])) / _TICKS_PER_S


def _busy_cores() -> float:
    before_s, started_s = busy_s(), time.monotonic()
    time.sleep(_LOOK_S)
    return (busy_s() - before_s) / (time.monotonic() - started_s)


def _children(pid: int) -> list[int]:
    texts = (_read(path / "children") for path in Path(f"/proc/{pid}/task").glob("*"))
    return [int(child) for text in texts for child in text.split()]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the process has ended
        return ""
