"""How good boxes are, in three metrics; needs nothing beyond numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamdet.evaluation.results import Result
from streamdet.evaluation.truth import Truth
from streamdet.evaluation.voc import FALSE, TRUE, ap_area, by_category, judge, recall_precision


@dataclass(frozen=True, slots=True)
class BoxMetrics:
    """One class, at IoU 0.5.

    Attributes:
        name: of the class.
        objects: those that count; at least 1.
        ap50: average precision, the area under the curve (VOC, from 2010 on).
        recall: share of the objects that have a box.
        precision: share of the boxes that have an object; None without boxes that count.
    """

    name: str
    objects: int
    ap50: float
    recall: float
    precision: float | None


def box_metrics(truth: Truth, results: Sequence[Result]) -> list[BoxMetrics]:
    """Score all boxes that there are, whatever their scores; classes without objects are left out.

    Args:
        truth: what is there.
        results: boxes.
    """
    objects, found = by_category(truth.objects), by_category(results)
    metrics = []
    for number, name in truth.categories.items():
        own = objects.get(number, [])
        count = sum(not each.is_ignored for each in own)
        if count == 0:
            continue
        verdicts = judge(own, found.get(number, []))
        right, wrong = int((verdicts == TRUE).sum()), int((verdicts == FALSE).sum())
        precision = right / (right + wrong) if right + wrong else None
        ap50 = ap_area(*recall_precision(verdicts, count))
        metrics.append(BoxMetrics(name, count, ap50, right / count, precision))
    return metrics
