"""A frame's tracks, and its objects that belong to none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streamdet.detections import UNTRACKED, Detections
from streamdet.trackers import Tracker


def updated(tracker: Tracker, found: Detections) -> Detections:
    """Have a tracker take the next frame; returns its tracks, with the vectors of their objects."""
    tracks = tracker.update(found)
    if found.vectors is None:
        return tracks
    return replace(tracks, vectors=found.vectors[tracker.rows])


def followed(tracker: Tracker, found: Detections, least_score: float) -> Detections:
    """Have a tracker take the next frame; returns its tracks, then the objects without one.

    Args:
        tracker: of the source.
        found: the frame's objects.
        least_score: of an object without a track; others are left out.
    """
    tracks = updated(tracker, found)
    is_free = found.scores >= least_score
    is_free[tracker.rows] = False
    if not is_free.any():
        return tracks
    others = found[is_free]
    no_ids = np.full(len(others), UNTRACKED, np.int64)
    return tracks.with_others(replace(others, track_ids=no_ids))
