"""ByteTrack's association (Zhang et al. 2022, algorithm 1, with the round that the code adds).

Tracks are matched with detections of high score, those seen in the last frame with what has a low
score, and tracks in probation with what is left of the high scores.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streamdet.trackers.assignment import assign
from streamdet.trackers.tracks import SEEN, TRACK_ID, Floats, Indices, Tracks

_Mask = npt.NDArray[np.bool_]


class Gates(NamedTuple):
    """What a pair must have at least.

    Attributes:
        high_thresh: scores from here on are matched in the first round and in the third.
        high_gain: gain of a pair of the first round.
        low_iou: overlap of a pair of the second.
        new_gain: gain of a pair of the third.
    """

    high_thresh: float
    high_gain: float
    low_iou: float
    new_gain: float


def match_in_rounds(
    tracks: Tracks, iou: Floats, gain: Floats, scores: npt.NDArray[np.float32], gates: Gates
) -> tuple[Indices, Indices]:
    """Run the three rounds.

    Args:
        tracks: N, moved to the present frame.
        iou: (N, M) overlap with the frame's detections, 0 where a pair is not allowed.
        gain: (N, M) what a pair with a detection of high score is worth, 0..1.
        scores: (M,) of the detections.
        gates: what a pair must have more than.

    Returns:
        Matched tracks, rising, and their detections.
    """
    table = tracks.table
    high, known = scores >= gates.high_thresh, table[TRACK_ID] > 0.0
    low, new = ~high, ~known
    column_of = np.full(len(known), -1, dtype=np.intp)
    _extend(column_of, gain, gates.high_gain, known, high)
    known &= table[SEEN] == tracks.frame_count - 1.0
    _extend(column_of, iou, gates.low_iou, known, low)
    _extend(column_of, gain, gates.new_gain, new, high)
    (rows,) = (column_of >= 0).nonzero()
    return rows, column_of.take(rows)


def _extend(
    column_of: Indices, worth: Floats, least: float, tracks: _Mask, detections: _Mask
) -> None:
    """Match some tracks and some detections, in place.

    Args:
        column_of: (N,) the track's detection; changed where one is found.
        worth: (N, M).
        least: what a pair must be worth more than.
        tracks: (N,) those to match; cleared where a detection is found.
        detections: (M,) likewise.
    """
    if np.count_nonzero(tracks) and np.count_nonzero(detections):
        surplus = worth - least
        rows, columns = assign(surplus, (surplus > 0.0) & tracks[:, None] & detections)
        column_of[rows] = columns
        tracks[rows] = False
        detections[columns] = False
