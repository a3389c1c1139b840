"""Makes finished tracks better: what only can be done once the frames that follow are known.

In this order: short and unsure tracks are dropped, tracks begin where they were first seen, gaps
are filled, and boxes are smoothed over time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from streamdet.config.options import Options
from streamdet.detections import UNTRACKED
from streamdet.trackers.offline.beginnings import begun_earlier
from streamdet.trackers.offline.gaps import fill_gaps
from streamdet.trackers.offline.smoothing import smoothed
from streamdet.trackers.offline.track_rows import Ids, TrackRows

_BEGIN_OVERLAP = 0.5
_Frames = Annotated[int, Field(ge=0, le=10_000)]


class OfflineOptions(Options):
    """What is done to finished tracks; the defaults were found on MOT15, see docs/accuracy.md."""

    begin_earlier: _Frames = Field(
        5,
        description="Frames by which a track may begin before it was first reported, where objects"
        " without a track lie in its way.",
    )
    fill_gaps: _Frames = Field(
        10,
        description="Longest gap, in frames from match to match, that is filled on a straight"
        " line; 0 or 1 fills none.",
    )
    smooth: float = Field(
        3.0,
        ge=0,
        le=100,
        description="Over how many frames centres are smoothed (standard deviation of the weights);"
        " widths and heights over three times as many. 0 smooths nothing.",
    )
    min_frames: _Frames = Field(
        0, description="Tracks that were found in fewer frames are no tracks."
    )
    min_score: float = Field(
        0.0, ge=0, le=1, description="Tracks of a lower mean score are no tracks."
    )


class Refined(NamedTuple):
    """Better tracks.

    Attributes:
        rows: the rows that were given, in their order, with other ids and boxes.
        filled: what was put into gaps, rising by frame.
    """

    rows: TrackRows
    filled: TrackRows


def refined(rows: TrackRows, options: OfflineOptions) -> Refined:
    """Make the tracks of one source better, knowing all of its frames.

    Args:
        rows: all objects, also those without a track.
        options: what is done.
    """
    rows = replace(rows, track_ids=_kept_ids(rows, options))
    if options.begin_earlier:
        ids = begun_earlier(rows, options.begin_earlier, _BEGIN_OVERLAP)
        rows = replace(rows, track_ids=ids)
    filled = fill_gaps(rows, options.fill_gaps)
    if options.smooth:
        xyxy = smoothed(TrackRows.concatenated((rows, filled)), options.smooth)
        count = len(rows)
        rows, filled = replace(rows, xyxy=xyxy[:count]), replace(filled, xyxy=xyxy[count:])
    return Refined(rows, filled)


def _kept_ids(rows: TrackRows, options: OfflineOptions) -> Ids:
    """Number the tracks anew without those that are too short or too unsure: `UNTRACKED`."""
    ids, place = np.unique(rows.track_ids, return_inverse=True)
    frames = np.bincount(place, minlength=len(ids))
    mean_scores = np.bincount(place, rows.scores, len(ids)) / np.maximum(frames, 1)
    stays = (frames >= options.min_frames) & (mean_scores >= options.min_score)
    stays &= ids != UNTRACKED
    if stays[ids != UNTRACKED].all():
        return rows.track_ids
    numbers = np.where(stays, np.cumsum(stays), UNTRACKED)
    return np.asarray(numbers[place], np.int64)
