"""OC-SORT (Cao et al. 2023, "Observation-centric SORT", section 4).

OCM: a track and a detection match better when the track's direction goes on. OCR: tracks left over
are matched again where they were last seen. ORU: a track that is found again relives its gap along
a straight line.

A filter stays as it was at its track's last detection; a frame only asks where it would be by now.
So ORU needs no saved copy, and covariances move only for tracks that are matched. As in the
authors' code, directions are not looked at while no track or detection has several candidates.

Departures from the paper and its code:

- A track's first detection counts as an observation (the code forgets it).
- A found track takes its new detection once, as equation 8 says; the code takes it twice.
- The filter's box is reported, not the detection: MOTA/IDF1 .375/.482 instead of .348/.472 on our
  7 MOT15 sequences.
- Probation, gate before assignment and classes are as in sort.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.detections import Detections
from streamdet.ops.iou import pairwise_iou
from streamdet.options import Options
from streamdet.trackers.assignment import assign
from streamdet.trackers.box_states import trackable, xysr_to_xyxy, xyxy_to_xysr
from streamdet.trackers.kalman import correct
from streamdet.trackers.sort import (
    MEASUREMENT_NOISE,
    is_alive,
    is_confirmed,
    predict_xysr,
    start_xysr,
)
from streamdet.trackers.tracks import (
    CLASS_ID,
    COMMON_FIELDS,
    MISSES,
    Floats,
    Indices,
    Tracks,
    filters_of,
    gated,
    unmatched,
)

# Own rows: the last box; then centre x, centre y, frame of earlier detections, newest first.
_LAST = slice(COMMON_FIELDS, COMMON_FIELDS + 4)
_EARLIER = COMMON_FIELDS + 4


class OcSortOptions(Options):
    """Options of OC-SORT."""

    score_thresh: float = Field(0.6, ge=0, le=1, description="Detections below this are ignored.")
    iou_thresh: float = Field(
        0.3, gt=0, le=1, description="A track and a detection must overlap this much."
    )
    direction_weight: float = Field(
        0.2,
        ge=0,
        le=1,
        description="What going on in the same direction is worth, in units of overlap.",
    )
    direction_frames: int = Field(
        3, ge=1, le=30, description="Frames over which a direction is taken."
    )
    min_hits: int = Field(
        3, ge=0, le=100, description="Matches after the first that confirm a track."
    )
    max_age: int = Field(30, ge=0, le=10_000, description="Frames that a lost track is kept.")
    class_agnostic: bool = Field(False, description="Tracks may match detections of any class.")


class OcSort:
    """Follows boxes by overlap, direction and where they were last seen."""

    Options = OcSortOptions

    def __init__(self, options: OcSortOptions) -> None:
        """Begin without tracks."""
        self._options = options
        self._tracks = Tracks(own_fields=4 + 3 * options.direction_frames)

    def update(self, detections: Detections) -> Detections:
        """Take the next frame; returns the filters' boxes of confirmed tracks that were matched."""
        tracks = self._tracks
        tracks.frame_count += 1
        found = trackable(detections, self._options.score_thresh)
        xyxy = found.xyxy.T.astype(np.float64)
        rows, columns = self._match(found, xyxy)
        self._correct(rows, columns, xyxy)
        if len(rows) < len(tracks):
            tracks.keep(is_alive(tracks, self._options.max_age))
        if len(columns) < len(found):
            new = unmatched(len(found), columns)
            added = tracks.add(start_xysr(xyxy_to_xysr(xyxy[:, new])), found, new)
            added[_LAST] = xyxy[:, new]
        confirmed = is_confirmed(tracks, self._options.min_hits)
        return tracks.report(confirmed, found, xysr_to_xyxy(tracks.table[:4]))

    def state(self) -> bytes:
        """Pack the tracks; the inverse of `restore`."""
        return self._tracks.state()

    def restore(self, state: bytes) -> None:
        """Go on from a packed state; raises ValueError if it is none."""
        self._tracks.restore(state)

    def _match(self, found: Detections, xyxy: Floats) -> tuple[Indices, Indices]:
        """Match by overlap and direction (OCM), then what is left by the last boxes (OCR)."""
        table = self._tracks.table
        predicted = xysr_to_xyxy(_positions_now(table))
        track_classes = table[CLASS_ID]
        gain = self._gated(pairwise_iou(predicted.T, found.xyxy), track_classes, found.class_ids)
        rows, columns = gain.nonzero()
        if _has_rivals(rows, columns):
            gain += (gain > 0.0) * self._direction_bonus(found, xyxy)
            rows, columns = assign(gain)
        if len(rows) == len(self._tracks) or len(columns) == len(found):
            return rows, columns
        lost, free = unmatched(len(self._tracks), rows), unmatched(len(found), columns)
        last_iou = pairwise_iou(table[_LAST].take(lost, axis=1).T, found.xyxy.take(free, axis=0))
        again = assign(self._gated(last_iou, track_classes.take(lost), found.class_ids.take(free)))
        return (
            np.concatenate((rows, lost.take(again[0]))),
            np.concatenate((columns, free.take(again[1]))),
        )

    def _gated(
        self, iou: Floats, track_class_ids: Floats, class_ids: npt.NDArray[np.int64]
    ) -> Floats:
        classes = None if self._options.class_agnostic else (track_class_ids, class_ids)
        return gated(iou, self._options.iou_thresh, classes)

    def _direction_bonus(self, found: Detections, xyxy: Floats) -> Floats:
        """Score how well each detection goes on in a track's direction (section 4.2): (N, M)."""
        reach, table = self._options.direction_frames, self._tracks.table
        earlier = table[_EARLIER:].reshape(reach, 3, -1)
        last = _centre(table[_LAST])
        last_frame = self._tracks.frame_count - 1.0 - table[MISSES]
        begin = _oldest_since(last_frame - reach, earlier, earlier[0, :2])
        direction = _unit(last - begin)
        recent = _oldest_since(
            np.full(len(last.T), self._tracks.frame_count - reach), earlier[:-1], last
        )
        to_detection = _unit(_centre(xyxy)[:, None] - recent[:, :, None])  # (2, N, M)
        cosine = (direction[:, :, None] * to_detection).sum(axis=0)
        angle = np.arccos(np.clip(cosine, -1.0, 1.0))
        has_direction = earlier[0, 2] > 0.0
        weight = self._options.direction_weight * found.scores * has_direction[:, None]
        return np.asarray((0.5 - angle / np.pi) * weight)

    def _correct(self, rows: Indices, columns: Indices, xyxy: Floats) -> None:
        """Correct matched tracks (ORU where they were lost) and note what was observed."""
        tracks = self._tracks
        matched, boxes = tracks.table.take(rows, axis=1), xyxy.take(columns, axis=1)
        measured = xyxy_to_xysr(boxes)
        lost = matched[MISSES] > 0.0
        if lost.any():
            for column in lost.nonzero()[0]:
                _relive_gap(matched[:, column : column + 1], boxes[:, column : column + 1])
        filters = filters_of(matched)
        predict_xysr(filters)
        correct(filters, measured, MEASUREMENT_NOISE)
        matched[_EARLIER + 3 :] = matched[_EARLIER:-3].copy()
        matched[_EARLIER : _EARLIER + 2] = _centre(matched[_LAST])
        matched[_EARLIER + 2] = tracks.frame_count - 1.0 - matched[MISSES]
        matched[_LAST] = boxes
        tracks.write_matched(rows, columns, matched)


def _positions_now(table: Floats) -> Floats:
    """Move positions (4, N) to the present frame; an area stops before it falls to 0."""
    position, velocity = filters_of(table)[:2]
    frames = table[MISSES] + 1.0
    now: Floats = position + velocity * frames
    if not (now[2] > 0.0).all():
        until_zero = np.ceil(position[2] / np.maximum(-velocity[2], 1e-12)) - 1.0
        now[2] = position[2] + velocity[2] * np.minimum(frames, until_zero)
    return now


def _relive_gap(column: Floats, box: Floats) -> None:
    """Re-update one lost track (F, 1) with boxes on a straight line through its gap (ORU)."""
    steps = int(column[MISSES, 0]) + 1
    last = _centre_and_wh(column[_LAST])
    way = _centre_and_wh(box) - last
    filters = filters_of(column)
    for step in range(1, steps):
        x, y, width, height = last + way * (step / steps)
        predict_xysr(filters)
        correct(filters, np.array((x, y, width * height, width / height)), MEASUREMENT_NOISE)


def _oldest_since(frame: Floats, earlier: Floats, otherwise: Floats) -> Floats:
    """Pick the centre of each track's oldest detection from a frame on.

    Args:
        frame: (N,) first frame that counts.
        earlier: (E, 3, N) centre x, centre y, frame (0 for none) of detections, newest first.
        otherwise: (2, N) for tracks that have none.
    """
    chosen = otherwise
    for detection in earlier:
        counts = (detection[2] >= frame) & (detection[2] > 0.0)
        chosen = np.where(counts, detection[:2], chosen)
    return chosen


def _has_rivals(rows: Indices, columns: Indices) -> bool:
    """Say whether a track or a detection has several candidates."""
    return len(set(rows.tolist())) < len(rows) or len(set(columns.tolist())) < len(columns)


def _centre(xyxy: Floats) -> Floats:
    return 0.5 * (xyxy[:2] + xyxy[2:])


def _centre_and_wh(xyxy: Floats) -> Floats:
    return np.concatenate((_centre(xyxy), xyxy[2:] - xyxy[:2]))


def _unit(vector: Floats) -> Floats:
    """Scale vectors, along the first axis, to length 1 (0 stays 0)."""
    return np.asarray(vector / (np.sqrt((vector * vector).sum(axis=0)) + 1e-6))
