"""Joins files in processes of their own, as many at once as there are cores."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from streamdet.archive.folder import ArchiveFolder
from streamdet.archive.join import JOIN, JoinTask
from streamdet.errors import EngineError
from streamdet.run.fork_server import ForkServer, ForkServerDiedError
from streamdet.system.cores import cores
from streamdet.system.process import last_line

_LOG: Final = "join.log"


@dataclass(frozen=True, slots=True)
class Joined:
    """A file that has been joined, or could not be.

    Attributes:
        file: its number in the manifest.
        result: what came of it; None where it failed.
        error: why it failed.
    """

    file: int
    result: dict[str, Any] | None
    error: str | None


class Joiner:
    """Joins files.

    Args:
        archive: the folder.
    """

    def __init__(self, archive: ArchiveFolder) -> None:
        self._log = archive.own / _LOG
        self._server: ForkServer | None = None
        self._waiting: deque[tuple[int, JoinTask]] = deque()
        self._running: dict[int, tuple[int, JoinTask]] = {}

    def __len__(self) -> int:
        """Count the files that are not joined yet."""
        return len(self._waiting) + len(self._running)

    def submit(self, file: int, task: JoinTask) -> None:
        """Join a file as soon as a core is free."""
        self._waiting.append((file, task))

    def poll(self, wait_s: float = 0.0) -> Iterator[Joined]:
        """Start what can be started, and list what has ended.

        Raises:
            EngineError: no process can be started.
        """
        try:
            while self._waiting and len(self._running) < cores():
                file, task = self._waiting.popleft()
                self._running[self._started().spawn(JOIN, task)] = (file, task)
            ended = self._server.exits(wait_s) if self._server and self._running else []
        except ForkServerDiedError as exc:
            raise EngineError(f"files cannot be joined: {self._said()}") from exc
        for exit_ in ended:
            file, task = self._running.pop(exit_.pid)
            yield self._joined(file, task, exit_.code)

    def stop(self) -> None:
        """End what is running: it is joined by the next command."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        self._waiting.clear()
        self._running.clear()

    def _started(self) -> ForkServer:
        if self._server is None:
            self._log.unlink(missing_ok=True)
            self._server = ForkServer([JOIN.partition(":")[0]], self._log)
        return self._server

    def _joined(self, file: int, task: JoinTask, code: int) -> Joined:
        if code != 0 or not task.answer.exists():
            return Joined(file, None, f"{task.source_id}: joining it ended ({self._said()})")
        answer = json.loads(task.answer.read_bytes())
        task.answer.unlink()
        return Joined(file, answer.get("result"), answer.get("error"))

    def _said(self) -> str:
        return last_line(self._log.read_bytes() if self._log.exists() else b"")
