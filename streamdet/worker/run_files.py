"""What the supervisor and the workers of a run agree on: files and exit codes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from streamdet.system.atomic_file import replaced_whole

LOG: Final = "workers.log"
"""The file in a run's folder for the output of the workers."""


EXIT_DONE: Final = 0
EXIT_CRASHED: Final = 1
"""An unexpected error: the worker is restarted, a limited number of times."""
EXIT_FATAL: Final = 3
"""An error that ends the run; `read_status` has it as a sentence."""
EXIT_TRANSPORT: Final = 4
"""The bus did not answer or refused a stale step: the worker is restarted."""


def beats_path(folder: Path) -> Path:
    """Path of the file of heartbeats."""
    return folder / "beats"


def traceback_path(folder: Path, consumer: str) -> Path:
    """Path of the traceback of a worker's unexpected error."""
    return folder / f"{consumer}.traceback"


def read_status(folder: Path, consumer: str) -> dict[str, Any]:
    """Read a worker's status: `runtimes` (node -> name), `is_ready`, `failure` (a sentence).

    After its end also `warnings`: the sentences that came after its last step.
    """
    path = folder / f"{consumer}.json"
    status: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return status


def forget_status(folder: Path, consumer: str) -> None:
    """Forget a worker's status, so that the next one is that of its next process."""
    (folder / f"{consumer}.json").unlink(missing_ok=True)


def write_status(folder: Path, consumer: str, **values: Any) -> None:
    """Add values to a worker's status; a reader never sees half a file."""
    status = read_status(folder, consumer) | values
    with replaced_whole(folder / f"{consumer}.json") as part:
        part.write_text(json.dumps(status))


def begun(folder: Path, consumer: str, source_id: str, index: int) -> int:
    """Note that a worker begins at a frame; returns how often in a row it did so at this one.

    Args:
        folder: of the run.
        consumer: the worker.
        source_id: the source.
        index: of the frame.
    """
    path = folder / f"{consumer}.reading"
    place = [source_id, index]
    *last, count = json.loads(path.read_text()) if path.exists() else (None, 0)
    count = count + 1 if last == place else 1
    with replaced_whole(path) as part:
        part.write_text(json.dumps([*place, count]))
    return count


def given_up(folder: Path, consumer: str) -> int:
    """Note that a worker gives up a frame; returns how many it did in a row."""
    path = folder / f"{consumer}.given-up"
    count = int(path.read_text()) + 1 if path.exists() else 1
    with replaced_whole(path) as part:
        part.write_text(str(count))
    return count


def went_well(folder: Path, consumer: str) -> None:
    """Note that a frame of a worker went well: `given_up` begins to count again."""
    (folder / f"{consumer}.given-up").unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class End:
    """How the last process of a worker ended, and how its successor treats what it left.

    Attributes:
        why: it ended, in a sentence.
        tries: a frame on which processes end so often is given up.
        within_s: a process that works on one suspect for longer is ended; 0: only by `stall_s`.
    """

    why: str
    tries: int
    within_s: float = 0.0


def write_end(folder: Path, consumer: str, end: End | None) -> None:
    """Note how a worker's process ended; None if no frame can be to blame."""
    write_status(folder, consumer, end=None if end is None else asdict(end))


def last_end(folder: Path, consumer: str) -> End | None:
    """How the last process of a worker ended; None if there was none, or no frame is to blame."""
    end = read_status(folder, consumer).get("end")
    return None if end is None else End(**end)


def forget_begun(folder: Path, consumer: str) -> None:
    """Forget how often a worker began at a frame: it ended of something else."""
    (folder / f"{consumer}.reading").unlink(missing_ok=True)
