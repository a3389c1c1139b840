"""Gives tracks the beginnings that a tracker leaves out: it reports them only once it is sure."""

from __future__ import annotations

from streamdet.detections import UNTRACKED
from streamdet.ops.iou import pairwise_iou
from streamdet.trackers.offline.track_rows import Ids, TrackRows


def begun_earlier(rows: TrackRows, most_frames: int, least_overlap: float) -> Ids:
    """Follow each track back from where it was first reported, as far as boxes overlap.

    Args:
        rows: all objects of a source.
        most_frames: by which a track may begin earlier.
        least_overlap: of a box and that of the frame before; both are of one class.

    Returns:
        (R,) track ids, more of them than before.
    """
    ids = rows.track_ids.copy()
    first_of = [track[0] for track in rows.tracks()]
    for first in sorted(first_of):
        _follow_back(rows, ids, int(first), most_frames, least_overlap)
    return ids


def _follow_back(
    rows: TrackRows, ids: Ids, row: int, most_frames: int, least_overlap: float
) -> None:
    for frame in range(rows.frames[row] - 1, max(rows.frames[row] - 1 - most_frames, -1), -1):
        earlier = rows.of_frame(frame)
        iou = pairwise_iou(rows.xyxy[row : row + 1], rows.xyxy[earlier])[0]
        is_free = ids[earlier] == UNTRACKED
        iou *= is_free & (rows.class_ids[earlier] == rows.class_ids[row])
        if iou.max(initial=0.0) < least_overlap:
            return
        track_id, row = ids[row], earlier.start + int(iou.argmax())
        ids[row] = track_id
