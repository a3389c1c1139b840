"""Results in MOTChallenge's format against a ground truth in it: boxes and tracks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from streamdet.evaluation.frames import score_tracks
from streamdet.evaluation.results import Result
from streamdet.evaluation.scores import Scores, score_results
from streamdet.evaluation.truths.mot import check_mot_truth, read_mot_truth
from streamdet.formats.mot_text import PEDESTRIAN, MotRows

_NO_TRACKS = "the results have no track ids (-1): their tracks are not scored"


def score_mot(results: Path, truth: Path) -> Scores:
    """Score a file of results: the boxes of pedestrians, and their tracks where they have ids.

    Args:
        results: MOT text in the pixels of the truth.
        truth: gt.txt.

    Raises:
        ConfigError: a file is wrong, or a library is missing.
    """
    rows, _ = check_mot_truth(results)
    truth_rows, stated_hw = check_mot_truth(truth)
    frame_count = max(rows.frame_count, truth_rows.frame_count)
    known = read_mot_truth(truth, frame_count, stated_hw or _extent(truth_rows))
    found = [_result(rows, row) for row in np.flatnonzero(rows.class_ids == PEDESTRIAN).tolist()]
    scores = score_results(known, found, "bbox")
    if any(each.track_id is not None for each in found):
        return replace(scores, tracking=score_tracks(known, found))
    return replace(scores, notes=(*scores.notes, _NO_TRACKS)) if found else scores


def _extent(rows: MotRows) -> tuple[int, int]:
    """Height and width that hold all boxes, pixels."""
    width, height = np.ceil(rows.xyxy[:, 2:].max(axis=0, initial=1)).astype(int).tolist()
    return height, width


def _result(rows: MotRows, row: int) -> Result:
    x1, y1, x2, y2 = rows.xyxy[row].tolist()
    track_id = int(rows.track_ids[row])
    return Result(
        image_id=int(rows.frames[row]),
        category_id=PEDESTRIAN,
        score=float(rows.scores[row]),
        xywh=(x1, y1, x2 - x1, y2 - y1),
        track_id=track_id if track_id >= 0 else None,
    )
