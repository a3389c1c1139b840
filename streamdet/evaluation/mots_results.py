"""Results in MOTS text against a ground truth in it: masks and their tracks."""

from __future__ import annotations

from pathlib import Path

from streamdet.errors import ConfigError
from streamdet.evaluation.results import Result
from streamdet.evaluation.scores import Scores, score_results
from streamdet.evaluation.truths.mots import checked_mots, counts_from_0, read_mots_truth
from streamdet.formats.mots_text import IGNORED, MotsRow


def score_mots(results: Path, truth: Path) -> Scores:
    """Score a file of results.

    Args:
        results: MOTS text.
        truth: the sequence's, likewise; says from what both count their frames.

    Raises:
        ConfigError: a file is wrong, the two are for other sizes, or a library is missing.
    """
    rows, true_rows = checked_mots(results), checked_mots(truth)
    if not true_rows:
        raise ConfigError(f"{truth}: holds no masks, wanted a ground truth")
    if rows and rows[0].hw != true_rows[0].hw:
        sizes = [f"{hw[1]} x {hw[0]}" for hw in (rows[0].hw, true_rows[0].hw)]
        raise ConfigError(f"{results}: its masks are for {sizes[0]} pixels, the truth's {sizes[1]}")
    shift = int(counts_from_0(true_rows))
    if not shift and counts_from_0(rows):
        raise ConfigError(
            f"{results}: counts frames from 0, {truth} has no frame 0: wanted both alike"
        )
    last = max(row.frame for row in (*rows, *true_rows)) + shift
    known = read_mots_truth(truth, last, true_rows[0].hw)
    found = [_result(row, row.frame + shift) for row in rows if row.class_id != IGNORED]
    return score_results(known, found, "segm")


def _result(row: MotsRow, number: int) -> Result:
    return Result(
        image_id=number,
        category_id=row.class_id,
        score=1.0,
        segmentation={"size": list(row.hw), "counts": row.counts},
        track_id=row.track_id,
    )
