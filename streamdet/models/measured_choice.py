"""What was measured of a network on this machine, which runtime that makes the fastest, and a file.

The file lies in the cache folder of built networks, so that a machine measures a network once. Its
name holds a digest of its key: several machines may share one cache folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from streamdet.errors import EngineError
from streamdet.models.model_config import Arithmetic, cache_folder, cache_folders
from streamdet.system.atomic_file import write_whole

_MEASURED: Final = "measured"
_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Candidate:
    """A runtime in one of its precisions."""

    runtime: str
    precision: Arithmetic

    def __str__(self) -> str:
        """Name it as the report does, e.g. `openvino fp32`."""
        return f"{self.runtime} {self.precision}"


@dataclass(frozen=True, slots=True)
class Speed:
    """What came of measuring a candidate.

    Attributes:
        calls_per_s: calls per second of all processes together; None: it failed.
        failure: why, in a sentence.
    """

    calls_per_s: float | None
    failure: str = ""

    def __str__(self) -> str:
        """Write it as the report does, e.g. `126/s`."""
        if self.calls_per_s is None:
            return f"failed ({self.failure})"
        return f"{self.calls_per_s:.{0 if self.calls_per_s >= 10 else 2}f}/s"


Table = Mapping[Candidate, Speed]


@dataclass(frozen=True, slots=True)
class ChoiceKey:
    """What a measurement holds for; when any of it changes, it is made again.

    Attributes:
        network_sha256: of the network's file.
        cpu: the CPU's model.
        cpu_flags: digest of what the CPU can do.
        cores: how many this process may use.
        processes: how many ran the network at once.
        threads: of each process.
        versions: runtime -> version.
        image: height x width of the network's image, e.g. "352x416".
    """

    network_sha256: str
    cpu: str
    cpu_flags: str
    cores: int
    processes: int
    threads: int
    versions: Mapping[str, str]
    image: str

    @property
    def file_name(self) -> str:
        """Name of the file that keeps its table."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return f"{self.network_sha256[:16]}-{digest[:16]}.json"


def fastest(table: Table) -> Candidate | None:
    """Choose the candidate with the most calls per second, of equal ones the first.

    Returns:
        None if all have failed.
    """
    speeds = {one: speed.calls_per_s for one, speed in table.items() if speed.calls_per_s}
    return max(speeds, key=lambda one: speeds[one] or 0.0, default=None)


def ranked(table: Table) -> list[tuple[Candidate, Speed]]:
    """List a table, the fastest first and what failed last."""
    return sorted(table.items(), key=lambda row: -(row[1].calls_per_s or 0.0))


def table_text(table: Table) -> str:
    """Write a table in a line, e.g. `onnxruntime fp32 167/s, openvino fp32 126/s`."""
    return ", ".join(f"{candidate} {speed}" for candidate, speed in ranked(table))


def keep(key: ChoiceKey, table: Table) -> Path:
    """Keep a table for the next start.

    Returns:
        Its file.

    Raises:
        EngineError: it cannot be written.
    """
    path = cache_folder() / _MEASURED / key.file_name
    rows = [asdict(candidate) | asdict(speed) for candidate, speed in table.items()]
    text = json.dumps({"key": asdict(key), "table": rows}, indent=2) + "\n"
    write_whole(path, text.encode())
    return path


def read_kept(key: ChoiceKey) -> dict[Candidate, Speed]:
    """Read what is kept for a key; {} if that is nothing, or not readable any more."""
    for folder in reversed(cache_folders()):
        with suppress(OSError):
            stated, table = _read(folder / _MEASURED / key.file_name)
            if stated == asdict(key):
                return table
    return {}


def kept_by_processes(key: ChoiceKey) -> list[tuple[int, dict[Candidate, Speed]]]:
    """Find what is kept for a key with any number of processes, the smallest number first."""
    found: dict[int, dict[Candidate, Speed]] = {}
    for folder in cache_folders():
        with suppress(OSError):
            for path in (folder / _MEASURED).glob(f"{key.network_sha256[:16]}-*.json"):
                stated, table = _read(path)
                processes = stated.get("processes")
                if isinstance(processes, int) and stated == asdict(
                    replace(key, processes=processes)
                ):
                    found[processes] = table
    return sorted(found.items())


@contextmanager
def measuring_alone(is_cancelled: Callable[[], bool]) -> Iterator[None]:
    """Wait until no other process of this user measures: two at once would slow each other down.

    Where no lock can be had, nobody is waited for.

    Args:
        is_cancelled: asked now and then whether to wait no longer.
    """
    with ExitStack() as stack:
        with suppress(OSError, EngineError):
            path = cache_folder() / _MEASURED / "lock"
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context(path.open("w"))
            while not _is_locked(lock) and not is_cancelled():
                time.sleep(_LOOK_S)
        yield


def _is_locked(lock: IO[str]) -> bool:
    """Try to lock a file; whether it is ours now."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path) -> tuple[dict[str, Any], dict[Candidate, Speed]]:
    """Read a file of ours: its key and its table, both empty if it is damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return dict(kept["key"]), dict(map(_row, kept["table"]))
    except (ValueError, KeyError, TypeError):
        return {}, {}


def _row(row: dict[str, Any]) -> tuple[Candidate, Speed]:
    return (
        Candidate(row["runtime"], row["precision"]),
        Speed(row["calls_per_s"], row["failure"]),
    )
