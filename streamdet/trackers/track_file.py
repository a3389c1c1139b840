"""Runs a tracker over a file of detections: MOTChallenge text in, MOTChallenge text out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from streamdet.detections import Detections
from streamdet.errors import ConfigError
from streamdet.formats.mot_text import format_frame, read_mot
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
    try:
        with out.open("w", encoding="utf-8") as file:
            return _track(found, tracker, file)
    except OSError as exc:
        raise ConfigError(f"{out}: results cannot be written: {exc.strerror}") from exc


def _track(found: list[Detections], tracker: Tracker, file: TextIO) -> FileSummary:
    last_id = boxes = 0
    for number, detections in enumerate(found, start=1):
        tracks = tracker.update(detections)
        file.write(format_frame(number, tracks))
        boxes += len(tracks)
        if tracks.track_ids is not None:
            last_id = max(last_id, int(tracks.track_ids.max(initial=0)))
    return FileSummary(len(found), last_id, boxes)
