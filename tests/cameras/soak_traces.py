"""What a run holds on this machine, and what it has left when it is over."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import psutil

from streamdet.transport.run_folder import runs_root
from streamdet.transport.shm_pool import FOLDER

OWN = ("Pss_Anon:", "Pss_Shmem:")
GONE_S = 5.0


def memory_mib(pid: int) -> tuple[float, float]:
    """Memory of a process and all below it, MiB.

    Returns:
        Its own pages (anonymous and shared memory, each counted once: PSS), which other programs
        with the same libraries do not change; and the sum of its processes' resident sets.
    """
    own_kib = resident_kib = 0
    for process in family(pid):
        with suppress(OSError):  # it has just ended
            for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                own_kib += int(line.split()[1]) if line.startswith(OWN) else 0
                resident_kib += int(line.split()[1]) if line.startswith("Rss:") else 0
    return own_kib / 1024, resident_kib / 1024


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def traces(
    run_id: str, processes: set[psutil.Process], ports: list[int], patience_s: float = GONE_S
) -> list[str]:
    """Say what a run that is over has left, after a little patience; nothing if all is well.

    Args:
        run_id: of the run.
        processes: that it had.
        ports: of its cameras.
        patience_s: how long it may take to go.
    """
    deadline_s = time.monotonic() + patience_s
    while (found := _traces(run_id, processes, ports)) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return found


def _traces(run_id: str, processes: set[psutil.Process], ports: list[int]) -> list[str]:
    left = [f"process {one.pid}" for one in processes if one.is_running()]
    left += [f"shared memory {path}" for path in FOLDER.glob(f"streamdet-{run_id}-*")]
    left += [f"folder {path}" for path in [runs_root() / run_id] if path.exists()]
    for one in psutil.net_connections("tcp4"):
        if one.raddr and one.raddr.port in ports and one.status == psutil.CONN_ESTABLISHED:
            left.append(f"socket to port {one.raddr.port} of process {one.pid}")
    return left
