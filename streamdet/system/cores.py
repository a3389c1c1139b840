"""How many cores this process may use: its affinity, and the CPU time that its cgroups grant."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_ROOT = Path("/")


def cores(root: Path = _ROOT) -> int:
    """Count the cores that this process may use; part of a core counts as one.

    Args:
        root: of the file system.
    """
    quotas = (quota for folder in _cgroups(root) if (quota := _quota(folder)) is not None)
    return min([len(os.sched_getaffinity(0)), *(max(1, math.ceil(quota)) for quota in quotas)])


def _cgroups(root: Path) -> Iterator[Path]:
    """Go up from this process's cgroup of CPU time; in a container not all of them are there."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("cpu" if controllers else "")  # v1, v2
        own = PurePosixPath(path.lstrip("/"))
        yield from (top / each for each in (own, *own.parents))


def _quota(cgroup: Path) -> float | None:
    """Cores' worth of time that a cgroup grants; None: it sets no limit."""
    v1 = (_read(cgroup / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    words = _read(cgroup / "cpu.max").split() or [*v1]
    if words[0] in ("max", "-1", ""):
        return None
    return int(words[0]) / int(words[1])


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
