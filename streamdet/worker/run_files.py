"""What the supervisor and the workers of a run agree on: files and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from streamdet.system.atomic_file import replaced_whole

LOG: Final = "workers.log"
"""The file in a run's folder with what workers print."""

EXIT_DONE: Final = 0
EXIT_CRASHED: Final = 1
"""An unexpected error: the worker is started again, a few times."""
EXIT_FATAL: Final = 3
"""A sentence (see `read_status`) that ends the run."""
EXIT_TRANSPORT: Final = 4
"""The bus did not answer or refused a stale step: started again as soon as the server answers."""


def beats_path(folder: Path) -> Path:
    """Where the beats of a run lie."""
    return folder / "beats"


def traceback_path(folder: Path, consumer: str) -> Path:
    """Where a worker leaves the traceback of an unexpected error."""
    return folder / f"{consumer}.traceback"


def read_status(folder: Path, consumer: str) -> dict[str, Any]:
    """What a worker last said of itself: `runtimes` (node -> name), `failure` (a sentence)."""
    path = folder / f"{consumer}.json"
    status: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return status


def write_status(folder: Path, consumer: str, **values: Any) -> None:
    """Add to what a worker says of itself; the file is never half written."""
    status = read_status(folder, consumer) | values
    with replaced_whole(folder / f"{consumer}.json") as part:
        part.write_text(json.dumps(status))
