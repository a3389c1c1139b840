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

from streamdet.detections import Detections, RowNumbers
from streamdet.trackers.assignment import assign, assign_pairs, is_one_to_one
from streamdet.trackers.box_states import Found, overlaps, trackable, xysr_to_xyxy, xyxy_to_xysr
from streamdet.trackers.sort import SortOptions, correct_xysr, predict_xysr, start_xysr
from streamdet.trackers.tracks import (
    CLASS_ID,
    COMMON_FIELDS,
    SEEN,
    Floats,
    Indices,
    Tracks,
    filters_of,
    forbid_other_classes,
    report,
    unmatched,
)

# Own rows: the last box; then centre x, centre y, frame of earlier detections, newest first.
_LAST = slice(COMMON_FIELDS, COMMON_FIELDS + 4)
_EARLIER = COMMON_FIELDS + 4


class OcSortOptions(SortOptions):
    """Options of OC-SORT: SORT's, and what a direction is and is worth."""

    direction_weight: float = Field(
        0.2,
        ge=0,
        le=1,
        description="What going on in the same direction is worth, in units of overlap.",
    )
    direction_frames: int = Field(
        3, ge=1, le=30, description="Frames over which a direction is taken."
    )


class OcSort:
    """Follows boxes by overlap, direction and where they were last seen."""

    Options = OcSortOptions

    def __init__(self, options: OcSortOptions) -> None:
        """Begin without tracks."""
        self._options = options
        own_fields = 4 + 3 * options.direction_frames
        self._tracks = Tracks(options.min_hits, options.max_age, own_fields)
        self._score_thresh = options.threshold("score_thresh")
        self.rows: RowNumbers = np.zeros(0, np.int64)

    def update(self, detections: Detections) -> Detections:
        """Take the next frame; returns the filters' boxes of confirmed tracks that were matched."""
        tracks = self._tracks
        tracks.frame_count += 1
        found = trackable(detections, self._score_thresh)
        measured = xyxy_to_xysr(found.xyxy)
        rows, columns = self._match(found, measured)
        seen = tracks.table.take(rows, axis=1)
        self._correct(seen, found.xyxy.take(columns, axis=1), measured.take(columns, axis=1))
        tracks.write_matched(rows, seen)
        if len(columns) < len(found.scores):
            new = unmatched(len(found.scores), columns)
            begun = tracks.add(
                start_xysr(measured.take(new, axis=1)),
                found.class_ids.take(new),
                own=found.xyxy.take(new, axis=1),
            )
            seen, columns = np.concatenate((seen, begun), axis=1), np.concatenate((columns, new))
        reported, self.rows = report(seen, xysr_to_xyxy(seen[:4]), found, columns)
        return reported

    def state(self) -> bytes:
        """Pack the tracks; the inverse of `restore`."""
        return self._tracks.state()

    def restore(self, state: bytes) -> None:
        """Go on from a packed state; raises ValueError if it is none."""
        self._tracks.restore(state)

    def _match(self, found: Found, measured: Floats) -> tuple[Indices, Indices]:
        """Match by overlap and direction (OCM), then what is left by the last boxes (OCR).

        Returns:
            Tracks, rising, and their detections.
        """
        table, track_count = self._tracks.table, len(self._tracks)
        lost_for = self._tracks.frame_count - 1.0 - table[SEEN]
        now = _positions_now(table, lost_for)
        iou = overlaps(xysr_to_xyxy(now), now[2], found.xyxy, measured[2])
        allowed = self._allowed(iou, table[CLASS_ID], found.class_ids)
        rows, columns = allowed.nonzero()
        if not is_one_to_one(rows, columns):
            gain = iou[rows, columns] + self._direction_bonus(rows, columns, found)
            rows, columns = assign_pairs(rows, columns, gain)
        if len(rows) == track_count or len(columns) == len(found.scores):
            return rows, columns
        lost, free = unmatched(track_count, rows), unmatched(len(found.scores), columns)
        again = self._match_last(lost, found, free, measured)
        rows = np.concatenate((rows, lost.take(again[0])))
        columns = np.concatenate((columns, free.take(again[1])))
        order = rows.argsort()
        return rows.take(order), columns.take(order)

    def _match_last(
        self, lost: Indices, found: Found, free: Indices, measured: Floats
    ) -> tuple[Indices, Indices]:
        """Match some tracks, where they were last seen, and some detections (OCR)."""
        table = self._tracks.table
        last = table[_LAST].take(lost, axis=1)
        boxes, areas = found.xyxy.take(free, axis=1), measured[2].take(free)
        iou = overlaps(last, _area(last), boxes, areas)
        class_ids = found.class_ids.take(free)
        return assign(iou, self._allowed(iou, table[CLASS_ID].take(lost), class_ids))

    def _allowed(
        self, iou: Floats, track_class_ids: Floats, class_ids: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Say which pairs overlap enough and are of one class."""
        allowed: npt.NDArray[np.bool_] = iou >= self._options.iou_thresh
        if not self._options.class_agnostic:
            forbid_other_classes(allowed, track_class_ids, class_ids)
        return allowed

    def _direction_bonus(self, rows: Indices, columns: Indices, found: Found) -> Floats:
        """Score how well detections go on in tracks' directions (section 4.2), pairs (K,)."""
        reach, table = self._options.direction_frames, self._tracks.table
        earlier = table[_EARLIER:].reshape(reach, 3, -1)
        last = _centre(table[_LAST])
        begin = _oldest_since(table[SEEN] - reach, earlier, earlier[0, :2])
        direction = _unit(last - begin)
        recent = _oldest_since(
            np.full(len(last.T), self._tracks.frame_count - reach), earlier[:-1], last
        )
        detected = _centre(found.xyxy).take(columns, axis=1)
        to_detection = _unit(detected - recent.take(rows, axis=1))  # (2, K)
        cosine = (direction.take(rows, axis=1) * to_detection).sum(axis=0)
        angle = np.arccos(np.clip(cosine, -1.0, 1.0))
        has_direction = earlier[0, 2].take(rows) > 0.0
        weight = self._options.direction_weight * found.scores.take(columns) * has_direction
        return np.asarray((0.5 - angle / np.pi) * weight)

    def _correct(self, seen: Floats, boxes: Floats, measured: Floats) -> None:
        """Correct matched tracks (ORU where they were lost) and note what was observed."""
        gaps = (self._tracks.frame_count - seen[SEEN]).astype(int).tolist()
        for column, steps in enumerate(gaps):
            if steps > 1:
                _relive_gap(seen[:, column : column + 1], boxes[:, column : column + 1], steps)
        filters = filters_of(seen)
        predict_xysr(filters)
        correct_xysr(filters, measured)
        seen[_EARLIER + 3 :] = seen[_EARLIER:-3].copy()
        seen[_EARLIER : _EARLIER + 2] = _centre(seen[_LAST])
        seen[_EARLIER + 2] = seen[SEEN]
        seen[_LAST] = boxes


def _positions_now(table: Floats, lost_for: Floats) -> Floats:
    """Move positions (4, N) to the present frame; an area stops before it falls to 0."""
    filters = filters_of(table)
    position, velocity, frames = filters[0], filters[3], lost_for + 1.0
    now: Floats = position + velocity * frames
    if min(now[2].tolist(), default=1.0) <= 0.0:
        until_zero = np.ceil(position[2] / np.maximum(-velocity[2], 1e-12)) - 1.0
        now[2] = position[2] + velocity[2] * np.minimum(frames, until_zero)
    return now


def _relive_gap(column: Floats, box: Floats, steps: int) -> None:
    """Re-update one lost track (F, 1) with boxes on a straight line through its gap (ORU)."""
    last = _centre_and_wh(column[_LAST])
    way = _centre_and_wh(box) - last
    on_the_way = last + way * (np.arange(1, steps) / steps)  # (4, steps - 1)
    measured = np.empty_like(on_the_way)
    measured[:2] = on_the_way[:2]
    width, height = on_the_way[2:]
    measured[2], measured[3] = width * height, width / height
    filters = filters_of(column)
    for step in range(steps - 1):
        predict_xysr(filters)
        correct_xysr(filters, measured[:, step : step + 1])


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


def _centre(xyxy: Floats) -> Floats:
    return 0.5 * (xyxy[:2] + xyxy[2:])


def _area(xyxy: Floats) -> Floats:
    wh = xyxy[2:] - xyxy[:2]
    return np.asarray(wh[0] * wh[1])


def _centre_and_wh(xyxy: Floats) -> Floats:
    return np.concatenate((_centre(xyxy), xyxy[2:] - xyxy[:2]))


def _unit(vector: Floats) -> Floats:
    """Scale vectors, along the first axis, to length 1 (0 stays 0)."""
    return np.asarray(vector / (np.sqrt((vector * vector).sum(axis=0)) + 1e-6))
