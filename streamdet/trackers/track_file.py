"""Runs a tracker over a file of detections: MOTChallenge text in, MOTChallenge text out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from streamdet.detections import UNTRACKED, Detections
from streamdet.errors import ConfigError
from streamdet.formats.mot_text import format_frame, read_mot
from streamdet.trackers import Tracker
from streamdet.trackers.offline import OfflineOptions, refined
from streamdet.trackers.offline.frames import better_frame
from streamdet.trackers.offline.track_rows import TrackRows
from streamdet.trackers.with_others import followed


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What was made of a file.

    Attributes:
        frames: up to the last detection.
        tracks: track ids.
        boxes: that were written.
        filled: those of them that were put into gaps.
        best_score: the highest of the detections; 0 without any.
    """

    frames: int
    tracks: int
    boxes: int
    filled: int = 0
    best_score: float = 0.0


def track_file(
    det: Path, tracker: Tracker, out: Path, offline: OfflineOptions | None = None
) -> FileSummary:
    """Track the detections of one sequence.

    Args:
        det: file of detections.
        tracker: one that has seen nothing yet.
        out: file of results, one line per reported box; replaced if it exists.
        offline: what is done to the tracks once all frames are known; None for nothing.

    Raises:
        ConfigError: a file cannot be read or written, or a line is wrong.
    """
    rows = read_mot(det)
    found = rows.detections()
    tracks: Iterable[Detections] = map(tracker.update, found)
    if offline is not None:
        tracks = made_better([followed(tracker, each, 0.0) for each in found], offline)
    try:
        with out.open("w", encoding="utf-8") as file:
            return _write(tracks, file, float(rows.scores.max(initial=0.0)))
    except OSError as exc:
        raise ConfigError(f"{out}: results cannot be written: {exc.strerror}") from exc


def made_better(frames: Sequence[Detections], options: OfflineOptions) -> Iterator[Detections]:
    """Make the tracks of a source better; yields each frame's tracks alone.

    Args:
        frames: each with its tracks and its objects without one, see with_others.py.
        options: what is done.
    """
    better = refined(TrackRows.of_frames(frames), options)
    for number, found in enumerate(frames):
        both = better_frame(found, better, number)
        assert both.track_ids is not None
        yield both[both.track_ids != UNTRACKED]


def _write(frames: Iterable[Detections], file: TextIO, best_score: float) -> FileSummary:
    last_id = boxes = filled = number = 0
    for number, tracks in enumerate(frames, start=1):
        file.write(format_frame(number, tracks))
        boxes += len(tracks)
        if tracks.track_ids is not None:
            last_id = max(last_id, int(tracks.track_ids.max(initial=0)))
        if tracks.interpolated is not None:
            filled += int(tracks.interpolated.sum())
    return FileSummary(number, last_id, boxes, filled, best_score)
