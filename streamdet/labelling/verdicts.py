"""Which detections are labels, and which only places that a training should not judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.labelling.following import UNTRACKED
from streamdet.ops.iou import pairwise_iou

SAME_PLACE: Final = 0.8
"""IoU from which on boxes of two classes are taken for one object."""

Verdict = Literal["object", "ignored"]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rule:
    """What makes a detection an object.

    A track of `track_frames` detections or more whose median score reaches `score_thresh` makes
    all of its detections objects, weak ones too. Of the others those are objects that reach
    `score_thresh` and are seen twice or more, or reach `alone_thresh`. The rest is ignored.

    Attributes:
        score_thresh: 0..1.
        alone_thresh: 0..1, for what was seen in one frame only; `score_thresh` where frames are no
            video.
        track_frames: detections of a track that vouches for its weak ones.
    """

    score_thresh: float
    alone_thresh: float
    track_frames: int = 3


@dataclass(frozen=True, slots=True)
class Label:
    """One box of a frame.

    Attributes:
        verdict: whether it is an object, or neither object nor background.
        class_id: index of the model's classes.
        xyxy: pixels.
        score: of the detection; None for a place where a track was lost for some frames.
        track_id: None for what belongs to no track.
        row: of the detection; None likewise.
    """

    verdict: Verdict
    class_id: int
    xyxy: tuple[float, float, float, float]
    score: float | None
    track_id: int | None
    row: int | None


def judge(frames: Sequence[Detections], rule: Rule) -> list[list[Label]]:
    """Judge all detections of a source.

    Where a track is lost between two detections, the box between them is ignored: the object is
    most likely there, and must not be learnt as background.

    Args:
        frames: detections of its frames in order, with track ids.
        rule: what makes them objects.

    Returns:
        The labels of each frame, the best first; of boxes at the same place only the best.
    """
    counts, medians = _track_figures(frames)
    labels = []
    for found in frames:
        assert found.track_ids is not None
        lengths = np.array([counts.get(each, 1) for each in found.track_ids.tolist()], np.int64)
        middle = np.array([medians.get(each, 0.0) for each in found.track_ids.tolist()])
        is_sure = (lengths >= rule.track_frames) & (middle >= rule.score_thresh)
        least = np.where(lengths > 1, rule.score_thresh, rule.alone_thresh)
        is_object = is_sure | (found.scores >= least)
        worth = np.where(is_sure, np.maximum(middle, found.scores), found.scores)
        labels.append(list(_labels(found, is_object, worth)))
    for number, label in _lost(frames):
        labels[number].append(label)
    return labels


def _track_figures(frames: Sequence[Detections]) -> tuple[dict[int, int], dict[int, float]]:
    """Count each track's detections, and take the median of their scores."""
    scores: dict[int, list[float]] = {}
    for found in frames:
        assert found.track_ids is not None
        for track_id, score in zip(found.track_ids.tolist(), found.scores.tolist(), strict=True):
            if track_id != UNTRACKED:
                scores.setdefault(track_id, []).append(score)
    counts = {track_id: len(each) for track_id, each in scores.items()}
    return counts, {track_id: float(np.median(each)) for track_id, each in scores.items()}


def _labels(
    found: Detections, is_object: Bools, worth: npt.NDArray[np.floating]
) -> Iterator[Label]:
    """Label the detections of a frame, objects before ignored ones, the worthiest first."""
    assert found.track_ids is not None
    overlaps = pairwise_iou(found.xyxy, found.xyxy)
    overlaps[found.class_ids[:, None] == found.class_ids] = 0.0
    is_covered = np.zeros(len(found), bool)
    for row in np.lexsort((-worth, ~is_object)).tolist():
        if is_covered[row]:
            continue
        if is_object[row]:
            is_covered |= overlaps[row] >= SAME_PLACE
        x1, y1, x2, y2 = found.xyxy[row].tolist()
        yield Label(
            verdict="object" if is_object[row] else "ignored",
            class_id=int(found.class_ids[row]),
            xyxy=(x1, y1, x2, y2),
            score=float(found.scores[row]),
            track_id=int(found.track_ids[row]) or None,
            row=row,
        )


def _lost(frames: Sequence[Detections]) -> Iterator[tuple[int, Label]]:
    """Say where tracks were in the frames between two detections: frame, and an ignored box."""
    last: dict[int, tuple[int, npt.NDArray[np.float32]]] = {}
    for number, found in enumerate(frames):
        assert found.track_ids is not None
        for row, track_id in enumerate(found.track_ids.tolist()):
            if track_id == UNTRACKED:
                continue
            before, start = last.get(track_id, (number, found.xyxy[row]))
            for between in range(before + 1, number):
                share = (between - before) / (number - before)
                x1, y1, x2, y2 = (start + share * (found.xyxy[row] - start)).tolist()
                class_id = int(found.class_ids[row])
                yield between, Label("ignored", class_id, (x1, y1, x2, y2), None, track_id, None)
            last[track_id] = number, found.xyxy[row]
