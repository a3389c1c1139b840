"""What is taken for what, by size: every object and every detection is accounted for once.

Detections below a threshold do not take part: the one at which F1 over all classes is best, unless
another is stated. Boxes meet at IoU 0.5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from streamdet.evaluation.results import Result
from streamdet.evaluation.truth import Truth, TruthObject, to_xyxy
from streamdet.evaluation.voc import (
    IGNORED,
    MIN_IOU,
    TRUE,
    by_category,
    by_image,
    judge,
    overlap,
)
from streamdet.ops.iou import pairwise_iou
from streamdet.trackers.assignment import assign

Size = Literal["small", "medium", "large"]
Outcome = Literal["right", "mistaken", "missed", "false"]
SIZES: Final[tuple[Size, ...]] = get_args(Size)
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
_MEDIUM_FROM, _LARGE_FROM = 32.0**2, 96.0**2


@dataclass(frozen=True, slots=True)
class Cell:
    """How often something was taken for something.

    Attributes:
        truth: class of the object; None where there is none (a false alarm).
        found: class of the detection; None where there is none (a miss).
        size: of the object, else of the detection, as COCO divides them.
        count: how often.
    """

    truth: str | None
    found: str | None
    size: Size
    count: int


@dataclass(frozen=True, slots=True)
class Confusion:
    """All cells that are not 0.

    Attributes:
        score_thresh: detections from this score on took part.
        cells: the most frequent first.
    """

    score_thresh: float
    cells: tuple[Cell, ...]

    def total(self, size: Size, outcome: Outcome) -> int:
        """Count the right, mistaken and missed objects, or the false alarms, of one size."""
        return sum(c.count for c in self.cells if c.size == size and _outcome(c) == outcome)


def confusion(
    truth: Truth, results: Sequence[Result], score_thresh: float | None = None
) -> Confusion:
    """Match detections and objects one to one, those of the same class first.

    Args:
        truth: ignored objects, and detections on them that match nothing else, do not count.
        results: boxes.
        score_thresh: lowest score that takes part; None: the one of the best F1.
    """
    if score_thresh is None:
        score_thresh = best_threshold(truth, results)
    objects = by_image(truth.objects)
    found = by_image(result for result in results if result.score >= score_thresh)
    counts: Counter[tuple[str | None, str | None, Size]] = Counter()
    for image_id in truth.images:
        counts += _image(truth, objects.get(image_id, []), found.get(image_id, []))
    cells = tuple(Cell(*key, count) for key, count in counts.most_common())
    return Confusion(score_thresh, cells)


def best_threshold(truth: Truth, results: Sequence[Result]) -> float:
    """Find the score from which on F1 = 2 TP / (detections + objects) is best; 0 without any."""
    verdicts, scores = [], []
    objects = by_category(truth.objects)
    for number, own in by_category(results).items():
        verdicts.append(judge(objects.get(number, []), own))
        scores += sorted((result.score for result in own), reverse=True)
    judged, at = np.concatenate([*verdicts, []]), np.array(scores)
    order = np.argsort(-at[judged != IGNORED], kind="stable")
    is_true = (judged[judged != IGNORED] == TRUE)[order]
    if not is_true.any():
        return 0.0
    count = sum(not each.is_ignored for each in truth.objects)
    f1 = 2 * np.cumsum(is_true) / (np.arange(1, len(is_true) + 1) + count)
    return float(at[judged != IGNORED][order][f1.argmax()])


def size_of(area: float) -> Size:
    """Name the size of an object by its area in square pixels."""
    return "small" if area < _MEDIUM_FROM else "medium" if area < _LARGE_FROM else "large"


def _image(
    truth: Truth, objects: Sequence[TruthObject], found: Sequence[Result]
) -> Counter[tuple[str | None, str | None, Size]]:
    counts: Counter[tuple[str | None, str | None, Size]] = Counter()
    counted = [each for each in objects if not each.is_ignored]
    ignored = [each for each in objects if each.is_ignored]
    partner = _partners(counted, found)
    for place, each in enumerate(counted):
        match = partner.get(place)
        label = None if match is None else truth.categories[found[match].category_id]
        counts[truth.categories[each.category_id], label, size_of(each.area)] += 1
    matched = set(partner.values())
    for place, result in enumerate(found):
        if place not in matched and not _is_forgiven(result, ignored):
            assert result.xywh is not None
            size = size_of(result.xywh[2] * result.xywh[3])
            counts[None, truth.categories[result.category_id], size] += 1
    return counts


def _partners(objects: Sequence[TruthObject], found: Sequence[Result]) -> dict[int, int]:
    """Map places of objects to places of their detections, by the largest overlaps in all."""
    boxes = [result.xywh for result in found if result.xywh is not None]
    gain = pairwise_iou(to_xyxy([each.xywh for each in objects]), to_xyxy(boxes))
    gain[gain < MIN_IOU] = 0.0
    same = np.equal.outer(_classes(objects), _classes(found))
    rows, columns = assign(np.where(same, gain, 0.0))
    gain[rows], gain[:, columns] = 0.0, 0.0
    more_rows, more_columns = assign(gain)
    pairs = zip([*rows, *more_rows], [*columns, *more_columns], strict=True)
    return {int(row): int(column) for row, column in pairs}


def _classes(items: Sequence[TruthObject] | Sequence[Result]) -> npt.NDArray[np.int64]:
    return np.array([item.category_id for item in items], np.int64)


def _is_forgiven(result: Result, ignored: Sequence[TruthObject]) -> bool:
    same = [each for each in ignored if each.category_id == result.category_id]
    return bool(same) and float(overlap(result, same).max()) >= MIN_IOU


def _outcome(cell: Cell) -> Outcome:
    if cell.truth is None:
        return "false"
    if cell.found is None:
        return "missed"
    return "right" if cell.truth == cell.found else "mistaken"
