"""How good a detector's boxes and a tracker's tracks are at each threshold: the operating points.

A video is looked at once, from a low score on; every threshold is tried on what was found then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

import numpy as np

from streamdet.detections import Detections
from streamdet.evaluation.frames import ALL, score_tracks
from streamdet.evaluation.mot import MotScores
from streamdet.evaluation.results import Result, results_of
from streamdet.evaluation.truth import Truth
from streamdet.evaluation.voc import FALSE, TRUE, by_category, judge

LOW: Final = 0.1
"""Detections from this score on are looked at: ByteTrack's lower threshold."""
SCORES: Final = tuple(round(0.2 + 0.05 * step, 2) for step in range(15))
"""Score thresholds that are tried: 0.2 to 0.9."""
HIGH: Final = tuple(round(0.35 + 0.05 * step, 2) for step in range(11))
"""Thresholds of the first match that are tried, each with the next two of `_ABOVE` above it."""
_ABOVE: Final = (0.05, 0.1)


@dataclass(frozen=True, slots=True)
class BoxPoint:
    """All boxes from a score on, at IoU 0.5, over all classes.

    Attributes:
        score_thresh: the score.
        correct: boxes that have an object.
        false: boxes that have none.
        objects: those that count.
    """

    score_thresh: float
    correct: int
    false: int
    objects: int

    @property
    def recall(self) -> float:
        """Share of the objects that have a box."""
        return self.correct / max(1, self.objects)

    @property
    def precision(self) -> float:
        """Share of the boxes that have an object; 1 without boxes."""
        return self.correct / (self.correct + self.false) if self.correct + self.false else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision."""
        return 2 * self.correct / max(1, self.correct + self.false + self.objects)


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """All tracks with a tracker's thresholds.

    Attributes:
        high_thresh: scores from here on are matched first.
        new_thresh: scores from here on may begin a track.
        scores: of the tracks.
    """

    high_thresh: float
    new_thresh: float
    scores: MotScores


def box_points(truth: Truth, seen: Mapping[int, Detections], ids: dict[int, int]) -> list[BoxPoint]:
    """Judge boxes at each of `SCORES`.

    Args:
        truth: of the images.
        seen: image id -> what was found in it.
        ids: class id -> the truth's category id.
    """
    found = [result for number, each in seen.items() for result in results_of(each, number, ids)]
    return [_box_point(truth, found, thresh) for thresh in SCORES]


def _box_point(truth: Truth, found: Sequence[Result], thresh: float) -> BoxPoint:
    objects = by_category(truth.objects)
    kept = by_category([each for each in found if each.score >= thresh])
    verdicts = [judge(objects.get(number, []), kept.get(number, [])) for number in truth.categories]
    joined = np.concatenate(verdicts)
    return BoxPoint(
        thresh,
        int((joined == TRUE).sum()),
        int((joined == FALSE).sum()),
        sum(not each.is_ignored for each in truth.objects),
    )


def track_points(
    truth: Truth, frames: Sequence[Detections], ids: dict[int, int], tracker: Any
) -> list[TrackPoint]:
    """Track what was found with each pair of thresholds.

    Args:
        truth: of the frames, which it numbers from 1; has tracks.
        frames: what was found in each, from `LOW` on.
        ids: class id -> the truth's category id.
        tracker: class of a tracker whose options have these thresholds.

    Raises:
        ConfigError: py-motmetrics is not installed.
    """
    pairs = [(high, round(high + above, 2)) for high, above in product(HIGH, _ABOVE)]
    return [_track_point(truth, frames, ids, tracker, pair) for pair in pairs]


def _track_point(
    truth: Truth,
    frames: Sequence[Detections],
    ids: dict[int, int],
    tracker: Any,
    pair: tuple[float, float],
) -> TrackPoint:
    high, new = pair
    following = tracker(tracker.Options(low_thresh=LOW, high_thresh=high, new_thresh=new))
    results: list[Result] = []
    for number, found in enumerate(frames, start=1):
        results += _tracked(following.update(found), number, ids)
    return TrackPoint(high, new, score_tracks(truth, results)[ALL])


def _tracked(tracks: Detections, number: int, ids: dict[int, int]) -> Iterable[Result]:
    assert tracks.track_ids is not None
    known = np.isin(tracks.class_ids, list(ids))
    for result, track_id in zip(
        results_of(tracks, number, ids), tracks.track_ids[known].tolist(), strict=True
    ):
        yield replace(result, track_id=track_id)
