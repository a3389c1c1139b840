"""The processes of a run, read from /proc."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WORKER_TITLE: Final = "streamdet worker "
"""How the title of a worker's process begins; its name follows."""
STARTER_TITLE: Final = "streamdet fork server"


@dataclass(frozen=True, slots=True)
class Process:
    """A process.

    Attributes:
        pid: its id.
        started: when, in the kernel's ticks: an id may be given to another process later.
    """

    pid: int
    started: int

    def is_alive(self) -> bool:
        """Whether it still runs."""
        state = _state(self.pid)
        return state is not None and state[1] == self.started


def process(pid: int) -> Process:
    """The process of an id; one that has ended is not alive."""
    state = _state(pid)
    return Process(pid, -1 if state is None else state[1])


def descendants(pid: int) -> dict[Process, str]:
    """Every living process below one, with its title, as `ps -o args` shows it."""
    states, titles = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        one = int(entry.name)
        with suppress(OSError):  # it has just ended
            title = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
            if (state := _state(one)) is not None:
                states[one], titles[one] = state, title.decode(errors="replace").strip()
    return {
        Process(one, states[one][1]): title
        for one, title in titles.items()
        if _is_below(one, pid, states)
    }


def workers(pid: int) -> dict[str, Process]:
    """The workers of a run: name, such as "detect-0" -> process.

    Args:
        pid: of the run's main process.
    """
    found = descendants(pid).items()
    return {title.split()[2]: one for one, title in found if title.startswith(WORKER_TITLE)}


def _state(pid: int) -> tuple[int, int] | None:
    """The parent of a process and when it was started; None for one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else (int(fields[1]), int(fields[19]))


def _is_below(pid: int, above: int, states: dict[int, tuple[int, int]]) -> bool:
    seen = {pid}
    while pid in states and (pid := states[pid][0]) not in seen:
        if pid == above:
            return True
        seen.add(pid)
    return False
