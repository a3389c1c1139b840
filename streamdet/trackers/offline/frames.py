"""Puts better tracks back into the frames that they were made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from streamdet.detections import UNTRACKED, Detections, FrameMasks
from streamdet.trackers.offline import Refined
from streamdet.trackers.offline.track_rows import TrackRows


def better_frame(found: Detections, tracks: Refined, frame: int) -> Detections:
    """Say what a frame holds now: tracks by id, then objects without one.

    Args:
        found: what the frame held when the rows were gathered.
        tracks: made of these rows.
        frame: its number, from 0.
    """
    own = tracks.rows[tracks.rows.of_frame(frame)]
    put = tracks.filled[tracks.filled.of_frame(frame)]
    better = replace(found, xyxy=own.xyxy, track_ids=own.track_ids)
    if len(put):
        better = better.with_others(_as_detections(put, found))
    assert better.track_ids is not None
    order = np.lexsort((better.track_ids, better.track_ids == UNTRACKED))
    return better[order]


def _as_detections(put: TrackRows, like: Detections) -> Detections:
    """Make detections of what was put into gaps: with empty masks and keypoints at 0 if need be."""
    count = len(put)
    masks, keypoints = like.masks, like.keypoints
    if masks is not None:
        masks = FrameMasks.of_arrays(np.zeros((count, *masks.hw), np.bool_))
    if keypoints is not None:
        keypoints = np.zeros((count, *keypoints.shape[1:]), np.float32)
    return Detections(
        put.xyxy,
        put.scores,
        put.class_ids,
        put.track_ids,
        masks,
        keypoints,
        interpolated=np.ones(count, np.bool_),
    )
