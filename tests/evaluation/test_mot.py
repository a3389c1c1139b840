"""Tracking scores."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from streamdet import registry
from streamdet.detections import Detections
from streamdet.errors import ConfigError
from streamdet.evaluation.mot import MotScores, results_of, score, timed_updates
from streamdet.formats.mot_text import MotRows, parse_mot, read_mot


def line(frame: int, id_: int, left: int, flag: int = 1, class_id: int | None = None) -> str:
    text = f"{frame},{id_},{left},10,40,80,{flag}"
    return text if class_id is None else f"{text},{class_id},1"


def total(truth: list[str], results: list[str]) -> MotScores:
    return score([(parse_mot(truth), parse_mot(results))])[1]


def test_the_truth_itself_scores_1() -> None:
    truth = [line(frame, id_, 100 * id_) for frame in (1, 2) for id_ in (1, 2)]
    assert total(truth, truth) == MotScores(1.0, 1.0, 0, 0, 0, 0, 4)


def test_a_switch_a_miss_and_a_false_positive_are_counted() -> None:
    truth = [line(frame, 1, 100) for frame in (1, 2, 3, 4)]
    results = [line(1, 1, 100), line(2, 2, 100), line(4, 2, 100), line(4, 3, 900)]
    scores = total(truth, results)
    assert (scores.switches, scores.misses, scores.false_positives) == (1, 1, 1)
    assert scores.mota == pytest.approx(1 - 3 / 4)
    assert scores.idf1 == pytest.approx(2 * 2 / (4 + 4))  # track 2 covers 2 of 4; 4 results


def test_boxes_with_flag_0_are_no_targets() -> None:
    assert total([line(1, 1, 100), line(1, 2, 300, flag=0)], [line(1, 1, 100)]).misses == 0


@pytest.mark.parametrize(("class_id", "false_positives"), [(7, 0), (3, 1)])
def test_a_result_on_a_look_alike_is_forgiven(class_id: int, false_positives: int) -> None:
    truth = [line(1, 1, 100, 1, 1), line(1, 2, 300, 0, class_id)]
    scores = total(truth, [line(1, 1, 100), line(1, 2, 300)])
    assert (scores.false_positives, scores.misses, scores.objects) == (false_positives, 0, 1)


def test_results_after_the_last_true_frame_are_false() -> None:
    assert total([line(1, 1, 100)], [line(1, 1, 100), line(9, 1, 100)]).false_positives == 1


def test_each_sequence_and_their_sum_are_scored() -> None:
    good, bad = parse_mot([line(1, 1, 100)]), parse_mot([line(1, 1, 900)])
    each, overall = score([(good, good), (good, bad)])
    assert [scores.idf1 for scores in each] == [1.0, 0.0]
    assert overall.objects == 2


def test_tracks_become_rows_as_a_file_would_have_them() -> None:
    xyxy = np.array([[0, 0, 9, 9]], dtype=np.float32)
    box = Detections(xyxy, np.ones(1, np.float32), np.array([0]), np.array([4]))
    rows = results_of([box[:0], box])
    assert (rows.frames.tolist(), rows.track_ids.tolist()) == ([2], [4])
    np.testing.assert_array_equal(rows.xyxy, box.xyxy)


def test_a_missing_py_motmetrics_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "motmetrics", None)
    with pytest.raises(ConfigError, match="needs motmetrics"):
        score([])


@cache
def mot15(folder: Path) -> list[tuple[MotRows, list[Detections]]]:
    paths = sorted(path for path in folder.iterdir() if (path / "det.txt").is_file())
    return [
        (read_mot(path / "gt.txt"), read_mot(path / "det.txt").detections())
        for path in paths
        if not path.name.startswith("MOT17")
    ]


# In brackets the `trackers` library 2.6.1 with its default options on the same 7 sequences.
@pytest.mark.data
@pytest.mark.parametrize(
    ("kind", "mota", "idf1"),
    [
        ("sort", 0.385, 0.483),  # (.337, .446)
        ("byte_track", 0.364, 0.457),  # (.330, .456)
        ("oc_sort", 0.375, 0.481),  # (.354, .454)
    ],
)
def test_scores_on_mot15_do_not_fall(data: Path, kind: str, mota: float, idf1: float) -> None:
    make = registry.load("tracker", kind)
    pairs = [
        (truth, results_of(timed_updates(make(make.Options()), frames)[0]))
        for truth, frames in mot15(data / "mot")
    ]
    overall = score(pairs)[1]
    assert overall.mota >= mota
    assert overall.idf1 >= idf1
