"""Gives detections the ids of their tracks, and tracks the beginnings that a tracker leaves out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.detections import UNTRACKED, Detections
from streamdet.registry import load
from streamdet.trackers import Tracker
from streamdet.trackers.offline import beginnings
from streamdet.trackers.offline.track_rows import TrackRows

LEAST_OVERLAP: Final = 0.3
"""IoU from which on a box is the same object's in the next frame; ByteTrack's for new tracks."""

Follow = Callable[[Detections], Detections]
"""Takes the next frame's detections and returns all of them with track ids, or `UNTRACKED`."""
Ids = npt.NDArray[np.int64]


def make_tracker(kind: str, score_thresh: float, ignore_thresh: float) -> Tracker:
    """Make a tracker whose thresholds are those of the labels.

    Args:
        kind: see registry.py.
        score_thresh: scores from here on may begin a track, where the tracker draws that line.
        ignore_thresh: scores from here on may belong to one.
    """
    loaded: Any = load("tracker", kind)
    values = {
        "high_thresh": score_thresh,
        "new_thresh": score_thresh,
        "low_thresh": ignore_thresh,
        "score_thresh": ignore_thresh,
    }
    known = loaded.Options.model_fields
    tracker: Tracker = loaded(
        loaded.Options(**{name: value for name, value in values.items() if name in known})
    )
    return tracker


def untracked(found: Detections) -> Detections:
    """Say that the frames are no video: nothing belongs to a track."""
    return replace(found, track_ids=np.full(len(found), UNTRACKED, np.int64))


def followed_by(tracker: Tracker) -> Follow:
    """Make what follows the objects of one source.

    A tracker reports boxes as it filters them; labels want the detections themselves.
    """

    def follow(found: Detections) -> Detections:
        reported = tracker.update(found)
        track_ids = np.full(len(found), UNTRACKED, np.int64)
        track_ids[tracker.rows] = _ids(reported)
        return replace(found, track_ids=track_ids)

    return follow


def begun_earlier(frames: Sequence[Detections]) -> list[Detections]:
    """Follow each track back from where it was first reported, as far as boxes overlap.

    A tracker reports a track only when it is sure of it; the boxes before that are its own too.

    Args:
        frames: detections of a source's frames in order, with track ids.

    Returns:
        The same detections, more of them with track ids.
    """
    rows = TrackRows.of_frames(frames)
    ids = beginnings.begun_earlier(rows, len(frames), LEAST_OVERLAP)
    return [
        replace(found, track_ids=ids[rows.of_frame(number)]) for number, found in enumerate(frames)
    ]


def _ids(found: Detections) -> Ids:
    assert found.track_ids is not None
    return found.track_ids
