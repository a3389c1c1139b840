"""What a run writes while it is hurt: when results came, and whether every frame came once."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

POLL_S: Final = 0.02


class ResultClock(threading.Thread):
    """Notes when lines are added to a run's .jsonl file, until it is closed.

    Args:
        path: the file; it need not exist yet, and what a killed worker had not committed is cut
            off its end again.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True, name="result-clock")
        self._path = path
        self._is_over = threading.Event()
        self._begun_s = time.monotonic()
        self._results: list[tuple[float, str]] = []

    def run(self) -> None:
        """Look at the file again and again."""
        position = 0
        while not self._is_over.wait(POLL_S):
            if self._path.exists():
                position = self._read(min(position, self._path.stat().st_size))

    def close(self) -> None:
        """Stop looking."""
        self._is_over.set()
        self.join()

    def has_begun(self) -> bool:
        """Whether a result has come."""
        return bool(self._results)

    def silence_s(self, from_s: float, until_s: float, source: str = "") -> float:
        """The longest time without a result that overlaps a span of monotonic time, seconds.

        Args:
            from_s: begin of the span.
            until_s: its end.
            source: only results of sources whose id begins so.
        """
        results = self._results.copy()
        times_s = [at_s for at_s, source_id in results if source_id.startswith(source)]
        return max(
            end - begin
            for begin, end in pairwise([self._begun_s, *times_s, time.monotonic()])
            if end > from_s and begin < until_s
        )

    def _read(self, position: int) -> int:
        with self._path.open("rb") as file:
            file.seek(position)
            added = file.read()
        whole = added[: added.rfind(b"\n") + 1]
        now_s = time.monotonic()
        for line in whole.splitlines():
            frame = _frame(line)
            if "dropped" not in frame:
                self._results.append((now_s, frame.get("source_id", "")))
        return position + len(whole)


def misplaced(path: Path) -> Iterator[str]:
    """Say what is wrong with the frames in a run's .jsonl file; nothing if each is there once."""
    numbers = defaultdict(list)
    for frame in frames_in(path):
        numbers[frame["source_id"]].append(frame["frame_id"])
    for source_id, found in sorted(numbers.items()):
        there = set(found)
        if doubled := len(found) - len(there):
            yield f"{source_id}: {doubled} frames were written twice"
        if missing := set(range(max(there) + 1)) - there:
            yield f"{source_id}: {len(missing)} frames are missing, the first is {min(missing)}"
        if found != sorted(found):
            yield f"{source_id}: frames are not in order"


def frames_in(path: Path) -> Iterator[dict[str, Any]]:
    """Go through the frames of a .jsonl file."""
    if path.exists():
        with path.open() as lines:
            yield from map(json.loads, lines)


def _frame(line: bytes) -> dict[str, Any]:
    """Read a line that may be cut off and written again while we look: then it says nothing."""
    try:
        frame: dict[str, Any] = json.loads(line)
    except ValueError:
        return {"dropped": "unreadable"}
    return frame
