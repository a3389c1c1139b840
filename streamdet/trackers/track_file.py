"""Runs a tracker over a file of detections: MOTChallenge text in, MOTChallenge text out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from streamdet.errors import ConfigError
from streamdet.mot_text import format_frame, read_mot
from streamdet.trackers import Tracker


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What was made of a file: frames up to the last detection, track ids, and boxes written."""

    frames: int
    tracks: int
    boxes: int


def track_file(det: Path, tracker: Tracker, out: Path) -> FileSummary:
    """Track the detections of one sequence.

    Args:
        det: file of detections.
        tracker: one that has seen nothing yet.
        out: file of results, one line per reported box; replaced if it exists.

    Raises:
        ConfigError: a file cannot be read or written, or a line is wrong.
    """
    found = read_mot(det).detections()
    results = [tracker.update(detections) for detections in found]
    lines = (format_frame(number, tracks) for number, tracks in enumerate(results, start=1))
    try:
        out.write_text("".join(lines), encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{out}: results cannot be written: {exc.strerror}") from exc
    last_ids = (
        tracks.track_ids.max(initial=0) for tracks in results if tracks.track_ids is not None
    )
    return FileSummary(len(results), int(max(last_ids, default=0)), sum(map(len, results)))
