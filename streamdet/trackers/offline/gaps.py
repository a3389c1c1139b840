"""Fills gaps in tracks on a straight line (ByteTrack, section 4.1, tracklet interpolation)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from streamdet.trackers.offline.track_rows import Ids, Indices, TrackRows


def fill_gaps(rows: TrackRows, longest: int) -> TrackRows:
    """Make the objects that lie in the gaps of tracks.

    Args:
        rows: all objects of a source.
        longest: frames from a match to the next one, at most; a shorter gap is filled.

    Returns:
        The new objects, rising by frame; box and score lie between those of the two matches, the
        class is that of the earlier one.
    """
    gaps = (gap for track in rows.tracks() for gap in _gaps(rows.frames[track], track, longest))
    parts = [rows[:0], *(_between(rows, gap) for gap in gaps)]
    filled = TrackRows.concatenated(parts)
    return filled[np.argsort(filled.frames, kind="stable")]


def _gaps(frames: Ids, track: Indices, longest: int) -> Iterator[Indices]:
    """Go through the gaps of a track: the rows of the matches before and behind each."""
    steps = np.diff(frames)
    for place in np.flatnonzero((steps > 1) & (steps <= longest)).tolist():
        yield track[place : place + 2]


def _between(rows: TrackRows, ends: Indices) -> TrackRows:
    """Make the objects between two matches of a track."""
    frames: Ids = np.arange(*rows.frames[ends])[1:]
    begin, end = ends.tolist()
    share = ((frames - rows.frames[begin]) / (rows.frames[end] - rows.frames[begin]))[:, None]
    values = np.column_stack((rows.xyxy[ends], rows.scores[ends])).astype(np.float64)
    between = values[0] + (values[1] - values[0]) * share
    return TrackRows(
        frames,
        np.repeat(rows.track_ids[begin], len(frames)),
        between[:, :4].astype(np.float32),
        between[:, 4].astype(np.float32),
        np.repeat(rows.class_ids[begin], len(frames)),
    )
