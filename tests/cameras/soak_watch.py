"""What a run of cameras prints and writes, read as it grows, each piece with its time."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame: when it was taken (wall clock) and written (monotonic), seconds."""

    taken_s: float
    written_s: float
    is_result: bool


@dataclass
class Watch:
    """Follows the log and the frames of a run.

    Args:
        folder: that of LiveRun.

    Attributes:
        frames: source id -> its frames, dropped ones too, in the order of the file.
        gaps: a sentence for each frame id that is not one more than the last.
        lines: when a line of the log was seen (monotonic seconds), and the line.
    """

    folder: Path
    frames: dict[str, list[Seen]] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    lines: list[tuple[float, str]] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def until(self, end_s: float) -> None:
        """Read on until a time, monotonic seconds."""
        while time.monotonic() < end_s:
            self.read()
            time.sleep(LOOK_EVERY_S)

    def read(self) -> None:
        """Read what is new."""
        now_s = time.monotonic()
        self.lines += [(now_s, line) for line in self._new_lines("log")]
        for line in self._new_lines("frames.jsonl"):
            self._take(json.loads(line), now_s)

    def away_s(self, source_id: str, since_s: float) -> float | None:
        """When a camera was first said to be away after a time; None if it was not."""
        words = tuple(f"{source_id}: {state}" for state in ("lost", "stalled", "refused"))
        return next(
            (at_s for at_s, line in self.lines if at_s > since_s and line.startswith(words)), None
        )

    def result_s(self, source_id: str, wall_s: float) -> float | None:
        """When the first result of a frame taken after a time (wall clock) was written."""
        for seen in self.frames.get(source_id, []):
            if seen.is_result and seen.taken_s > wall_s:
                return seen.written_s
        return None

    def fps(self, source_id: str, start_s: float, end_s: float) -> tuple[float, float]:
        """Frames and results a second of a camera that were written between two times."""
        seen = [one for one in self.frames[source_id] if start_s <= one.written_s < end_s]
        span_s = end_s - start_s
        return len(seen) / span_s, sum(one.is_result for one in seen) / span_s

    def _take(self, frame: dict[str, Any], now_s: float) -> None:
        source_id, number = frame["source_id"], frame["frame_id"]
        seen = self.frames.setdefault(source_id, [])
        if number != len(seen):
            self.gaps.append(f"{source_id}: frame {number} stands in place {len(seen)}")
        taken_s = datetime.fromisoformat(frame["captured_at"]).timestamp()
        seen.append(Seen(taken_s, now_s, "dropped" not in frame))

    def _new_lines(self, name: str) -> list[str]:
        path = self.folder / name
        if not path.exists():
            return []
        with path.open("rb") as file:
            file.seek(self._places.get(name, 0))
            whole, newline, _ = file.read().rpartition(b"\n")
        self._places[name] = self._places.get(name, 0) + len(whole) + len(newline)
        return whole.decode().splitlines()
