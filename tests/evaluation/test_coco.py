"""COCO's metrics: pycocotools' own metrics, and what of the truth counts."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.errors import ConfigError
from streamdet.evaluation.coco import METRICS, coco_scores
from streamdet.evaluation.results import Kind, Result, read_results
from streamdet.evaluation.truths.coco import read_coco
from tests.evaluation.scenes import CAT, DOG, a_result, a_truth, an_object

BOX = (10.0, 20.0, 40.0, 40.0)
SQUARE = [[10.0, 20.0, 50.0, 20.0, 50.0, 60.0, 10.0, 60.0]]


def ap(*results: Result, kind: Kind = "bbox", **of_object: Any) -> float | None:
    truth = a_truth(an_object(1, BOX, **of_object))
    return coco_scores(truth, results, kind).metrics["AP"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("row", "kind"), [("bbox", "bbox"), ("segm", "segm"), ("bbox_of_segm", "bbox")]
)
def test_the_metrics_are_those_of_pycocotools(data: Path, row: str, kind: Kind) -> None:
    expected = json.loads((data / "cocoeval" / "expected.json").read_text())[row]
    wanted = data / "cocoeval" / "instances_val2014_100.json"
    found = data / "cocoeval" / expected["results"]
    truth = read_coco(wanted)
    ours = coco_scores(truth, read_results(found, truth, kind), kind).metrics
    theirs = plain_pycocotools(wanted, found, kind)
    assert list(ours.values()) == pytest.approx(theirs, abs=1e-9)
    assert ours == pytest.approx({name: expected[name] for name in METRICS[kind]}, abs=1e-6)


def plain_pycocotools(truth: Path, results: Path, kind: Kind) -> list[float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(truth))
        evaluation = COCOeval(coco, coco.loadRes(str(results)), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


def test_a_found_object_scores_1_and_a_missed_one_0() -> None:
    assert ap(a_result(1, BOX)) == pytest.approx(1.0)
    assert ap(a_result(1, (100.0, 20.0, 40.0, 40.0))) == 0.0
    assert ap() == 0.0


def test_iou_0_8_counts_at_seven_of_ten_thresholds() -> None:
    shifted = (10.0, 20.0, 40.0, 32.0)  # 32 of 40 rows: IoU 0.8 reaches 0.5 to 0.8
    assert ap(a_result(1, shifted)) == pytest.approx(0.7)


def test_a_class_without_objects_is_not_counted() -> None:
    truth = a_truth(an_object(1, BOX))
    scores = coco_scores(truth, [a_result(1, BOX), a_result(1, BOX, category_id=DOG)], "bbox")
    assert scores.metrics["AP"] == pytest.approx(1.0)
    assert scores.classes["dog"]["AP"] is None
    assert list(scores.precision) == ["cat"]


def test_results_in_a_crowd_region_are_not_held_against_the_model() -> None:
    truth = a_truth(an_object(1, BOX), an_object(1, (100.0, 0.0, 100.0, 100.0), is_crowd=True))
    in_crowd = [a_result(1, (110.0, 10.0 + 20 * n, 10.0, 10.0), 0.95) for n in range(3)]
    scores = coco_scores(truth, [*in_crowd, a_result(1, BOX, 0.5)], "bbox")
    assert scores.metrics["AP"] == pytest.approx(1.0)


def test_without_objects_there_is_no_metric() -> None:
    assert coco_scores(a_truth(), [], "bbox").metrics == dict.fromkeys(METRICS["bbox"])


def test_metrics_of_a_class_average_to_those_of_all() -> None:
    truth = a_truth(an_object(1, BOX), an_object(2, BOX, DOG), an_object(2, (0, 0, 20, 20), DOG))
    found = [a_result(1, BOX), a_result(2, BOX, category_id=DOG), a_result(1, BOX, 0.3, DOG)]
    scores = coco_scores(truth, found, "bbox")
    for name in ("AP", "AP50", "AP75"):
        of_classes = [metrics[name] for metrics in scores.classes.values()]
        assert np.mean(np.array(of_classes, float)) == pytest.approx(scores.metrics[name])


def test_masks_are_compared_where_boxes_are_equal() -> None:
    half = [[10.0, 20.0, 30.0, 20.0, 30.0, 60.0, 10.0, 60.0]]  # IoU 0.5: one threshold of ten
    found = Result(1, CAT, 0.9, BOX, segmentation=half)
    assert ap(found, kind="segm", segmentation=SQUARE) == pytest.approx(0.1)


def test_an_object_without_a_mask_does_not_count() -> None:
    assert ap(Result(1, CAT, 0.9, segmentation=SQUARE), kind="segm") is None


def points(shift: float) -> tuple[float, ...]:
    return tuple(value for n in range(17) for value in (10.0 + 2 * n + shift, 30.0, 2.0))


def test_keypoints_score_by_their_distance() -> None:
    exact, far = Result(1, CAT, 0.9, keypoints=points(0)), Result(1, CAT, 0.9, keypoints=points(90))
    assert ap(exact, kind="keypoints", keypoints=points(0)) == pytest.approx(1.0)
    assert ap(far, kind="keypoints", keypoints=points(0)) == 0.0


def test_keypoints_other_than_coco_s_are_refused() -> None:
    with pytest.raises(ConfigError, match="must be the 17 of a COCO person, got 2"):
        ap(kind="keypoints", keypoints=(1.0, 1.0, 2.0) * 2)


def test_pycocotools_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    ap(a_result(1, BOX))
    assert capsys.readouterr() == ("", "")


def test_without_pycocotools_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(ConfigError, match=r"pip install -e '\.\[evaluation\]'"):
        coco_scores(a_truth(), [], "bbox")
