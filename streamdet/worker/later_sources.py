"""The cameras that came to a run, or changed, after its start; the supervisor writes their file.

Workers that the frames of several cameras reach go on running when one comes. They look at the
file's time before each batch, which takes a microsecond, and read it when that has changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from streamdet.system.atomic_file import replaced_whole

_FILE: Final = "later-sources.json"


@dataclass(frozen=True, slots=True)
class LaterSource:
    """One camera.

    Attributes:
        node: the source node that it belongs to.
        longest_wait_ns: a frame that has been under way for longer is dropped.
    """

    node: str
    longest_wait_ns: int


def write_later_sources(folder: Path, sources: Mapping[str, LaterSource]) -> None:
    """Write the file; a reader finds the whole of it or what was there before."""
    values = {source_id: asdict(source) for source_id, source in sources.items()}
    with replaced_whole(folder / _FILE) as part:
        part.write_text(json.dumps(values))


class LaterSources:
    """Reads the file of a run, for one worker.

    Args:
        folder: the run's folder.
        nodes: the source nodes whose frames reach the worker.
    """

    def __init__(self, folder: Path, nodes: frozenset[str]) -> None:
        self._path = folder / _FILE
        self._nodes = nodes
        self._seen: tuple[int, int] | None = None
        self._sources: dict[str, LaterSource] = {}

    def now(self) -> Mapping[str, LaterSource]:
        """Source id -> camera, as of now; empty while nothing has changed since the start."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return {}
        if self._seen != (found.st_ino, found.st_mtime_ns):
            self._seen = found.st_ino, found.st_mtime_ns
            values = json.loads(self._path.read_text())
            sources = {name: LaterSource(**value) for name, value in values.items()}
            self._sources = {n: each for n, each in sources.items() if each.node in self._nodes}
        return self._sources
