"""MOTA, IDF1 and their parts of tracking results against MOTChallenge ground truth.

Counted by py-motmetrics at IoU 0.5 (Bernardin & Stiefelhagen 2008; Ristani et al. 2016). As the
challenge does, boxes with flag 0 are no targets, and results that match a ground-truth box of a
class that looks like a pedestrian (on a vehicle, standing, distractor, reflection) are forgiven.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.evaluation.extra import import_extra
from streamdet.formats.mot_text import PEDESTRIAN, MotRows, format_frame, parse_mot
from streamdet.ops.iou import pairwise_iou
from streamdet.trackers.assignment import assign

FORGIVEN_CLASSES = (2, 7, 8, 12)
MIN_IOU = 0.5
_METRICS = {
    "mota": "mota",
    "idf1": "idf1",
    "num_switches": "switches",
    "num_fragmentations": "fragmentations",
    "num_false_positives": "false_positives",
    "num_misses": "misses",
    "num_objects": "objects",
}


@dataclass(frozen=True, slots=True)
class MotScores:
    """Scores of one sequence, or of several as if they were one.

    Attributes:
        mota: 1 - (misses + false positives + switches) / objects.
        idf1: F1 of the best one-to-one matching of whole trajectories.
        switches: times that an object's track id changed.
        fragmentations: times that a tracked object was lost and found again.
        false_positives: result boxes without an object.
        misses: object boxes without a result.
        objects: object boxes.
    """

    mota: float
    idf1: float
    switches: int
    fragmentations: int
    false_positives: int
    misses: int
    objects: int

    @property
    def recall(self) -> float | None:
        """Share of the object boxes that have a result; None without objects."""
        return (self.objects - self.misses) / self.objects if self.objects else None

    @property
    def precision(self) -> float | None:
        """Share of the result boxes that have an object; None without results."""
        found = self.objects - self.misses
        results = found + self.false_positives
        return found / results if results else None


def timed_updates(tracker: Any, frames: Iterable[Any]) -> tuple[list[Any], float]:
    """Run a fresh tracker over a sequence.

    Args:
        tracker: has `update`, and has seen nothing yet.
        frames: what `update` takes, for frame 1, 2, ...

    Returns:
        What each update returned, and the seconds spent in all of them.
    """
    start = time.perf_counter()
    results = [tracker.update(detections) for detections in frames]
    return results, time.perf_counter() - start


def results_of(frames: Iterable[Detections]) -> MotRows:
    """Turn the tracks of frame 1, 2, ... into what would stand in a file of results."""
    lines = (format_frame(number, tracks) for number, tracks in enumerate(frames, start=1))
    return parse_mot("".join(lines).splitlines())


def score(pairs: Iterable[tuple[MotRows, MotRows]]) -> tuple[list[MotScores], MotScores]:
    """Score sequences.

    Args:
        pairs: ground truth and results of each sequence.

    Returns:
        The scores of each sequence and those of all boxes together.

    Raises:
        ConfigError: py-motmetrics is not installed.
    """
    motmetrics = import_extra("motmetrics")
    accumulators = [
        _accumulate(motmetrics.MOTAccumulator(), truth, results) for truth, results in pairs
    ]
    summary = motmetrics.metrics.create().compute_many(
        accumulators, metrics=list(_METRICS), generate_overall=True
    )
    scores = [_scores(row) for _, row in summary.iterrows()]
    return scores[:-1], scores[-1]


def _accumulate(accumulator: Any, truth: MotRows, results: MotRows) -> Any:
    frame_count = max(truth.frame_count, results.frame_count)
    frames = zip(truth.in_frames(frame_count), results.in_frames(frame_count), strict=True)
    for number, (boxes, found) in enumerate(frames, start=1):
        kept = found[~_is_forgiven(boxes, found)]
        targets = boxes[(boxes.scores > 0) & (boxes.class_ids == PEDESTRIAN)]
        distance = 1.0 - pairwise_iou(targets.xyxy, kept.xyxy)
        distance[distance > 1.0 - MIN_IOU] = np.nan
        accumulator.update(targets.track_ids, kept.track_ids, distance, frameid=number)
    return accumulator


def _is_forgiven(boxes: MotRows, found: MotRows) -> npt.NDArray[np.bool_]:
    """Say which results have as their partner a box that is no target but looks like one."""
    forgiven = np.zeros(len(found), dtype=bool)
    look_alike = np.isin(boxes.class_ids, FORGIVEN_CLASSES)
    if look_alike.any():
        iou = pairwise_iou(boxes.xyxy, found.xyxy)
        rows, columns = assign(np.where(iou >= MIN_IOU, iou, 0.0))
        forgiven[columns[look_alike[rows]]] = True
    return forgiven


def _scores(row: Any) -> MotScores:
    values = {ours: row[theirs] for theirs, ours in _METRICS.items()}
    return MotScores(
        mota=float(values.pop("mota")),
        idf1=float(values.pop("idf1")),
        **{name: int(value) for name, value in values.items()},
    )
