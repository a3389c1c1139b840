"""PASCAL VOC's average precision: boxes, IoU 0.5.

Everingham, Van Gool, Williams, Winn, Zisserman, "The PASCAL Visual Object Classes (VOC) Challenge",
IJCV 2010, section 4.2. Until 2009 precision was averaged at 11 points of recall, since 2010 over
the whole area under the curve. N counts detections of one class, M its objects in one image.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from streamdet.evaluation.results import Result
from streamdet.evaluation.truth import Truth, TruthObject, to_xyxy
from streamdet.ops.iou import pairwise_iou

MIN_IOU: Final = 0.5
TRUE, FALSE, IGNORED = 1, 0, -1
"""What a detection turned out to be."""

Item = TypeVar("Item", TruthObject, Result)
Floats = npt.NDArray[np.float64]
Verdicts = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class VocClass:
    """One class.

    Attributes:
        objects: those that count.
        ap_11_point: average precision at recall 0, 0.1 ... 1; None without objects.
        ap_area: area under the curve; None without objects.
    """

    objects: int
    ap_11_point: float | None
    ap_area: float | None


@dataclass(frozen=True, slots=True)
class VocScores:
    """The means over the classes that have objects, and each class by its name."""

    ap_11_point: float | None
    ap_area: float | None
    classes: dict[str, VocClass]


def voc_scores(truth: Truth, results: Sequence[Result]) -> VocScores:
    """Score boxes; results of a class that no object has are not counted."""
    objects, found = by_category(truth.objects), by_category(results)
    classes = {
        name: score_class(objects.get(number, []), found.get(number, []))
        for number, name in truth.categories.items()
    }
    return VocScores(
        _mean([each.ap_11_point for each in classes.values()]),
        _mean([each.ap_area for each in classes.values()]),
        classes,
    )


def score_class(objects: Sequence[TruthObject], found: Sequence[Result]) -> VocClass:
    """Score the boxes of one class."""
    count = sum(not each.is_ignored for each in objects)
    if count == 0:
        return VocClass(0, None, None)
    recall, precision = recall_precision(judge(objects, found), count)
    return VocClass(count, ap_11_point(recall, precision), ap_area(recall, precision))


def judge(objects: Sequence[TruthObject], found: Sequence[Result]) -> Verdicts:
    """Say of each detection, the surest first (ties in their order), what it is.

    It belongs to the object of its image that it overlaps most. The first one of an object that
    it overlaps by MIN_IOU is TRUE, the others are FALSE; one of a difficult object is IGNORED, and
    so is one that lies by MIN_IOU of its own area in a crowd region.

    Returns:
        (N,) int8.
    """
    images = by_image(objects)
    taken: set[tuple[int, int]] = set()
    verdicts = []
    for result in sorted(found, key=lambda each: -each.score):
        verdict = FALSE
        if own := images.get(result.image_id):
            overlaps = overlap(result, own)
            best = int(overlaps.argmax())
            if overlaps[best] >= MIN_IOU:
                is_first = (result.image_id, best) not in taken
                verdict = IGNORED if own[best].is_ignored else TRUE if is_first else FALSE
                taken.add((result.image_id, best))
        verdicts.append(verdict)
    return np.array(verdicts, np.int8)


def overlap(result: Result, objects: Sequence[TruthObject]) -> Floats:
    """IoU of a box with those of M objects; crowds by the share of the box, and after all others.

    Returns:
        (M,) float64, 0..1; 0 for crowds where the box belongs to an object by MIN_IOU.
    """
    assert result.xywh is not None
    boxes = to_xyxy([each.xywh for each in objects])
    [overlaps] = pairwise_iou(to_xyxy([result.xywh]), boxes)
    is_crowd = np.array([each.is_crowd for each in objects], np.bool_)
    if is_crowd.any():
        overlaps[is_crowd] = 0.0
        if overlaps.max() < MIN_IOU:
            overlaps[is_crowd] = _share_inside(to_xyxy([result.xywh]), boxes[is_crowd])
    return np.asarray(overlaps)


def recall_precision(verdicts: Verdicts, object_count: int) -> tuple[Floats, Floats]:
    """Follow recall and precision from the surest detection on; ignored ones are left out.

    Args:
        verdicts: (N,), the surest first.
        object_count: objects that count, at least 1.

    Returns:
        Two arrays of as many values as there are detections that count, 0..1.
    """
    counted = verdicts[verdicts != IGNORED]
    true = np.cumsum(counted == TRUE)
    return true / object_count, true / np.arange(1, len(true) + 1)


def ap_11_point(recall: Floats, precision: Floats) -> float:
    """Average the best precision at a recall of 0, 0.1 ... 1 or more (VOC2007)."""
    best = [precision[recall >= step / 10].max(initial=0.0) for step in range(11)]
    return float(np.mean(best))


def ap_area(recall: Floats, precision: Floats) -> float:
    """Measure the area under precision made falling, over recall (VOC2010)."""
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * falling))


def by_image(items: Iterable[Item]) -> dict[int, list[Item]]:
    """Group objects or results by image; each group keeps their order."""
    groups: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.image_id].append(item)
    return dict(groups)


def by_category(items: Iterable[Item]) -> dict[int, list[Item]]:
    """Group objects or results by category; each group keeps their order."""
    groups: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.category_id].append(item)
    return dict(groups)


def _share_inside(box: Floats, regions: Floats) -> Floats:
    left_top = np.maximum(box[:, :2], regions[:, :2])
    right_bottom = np.minimum(box[:, 2:], regions[:, 2:])
    inside = np.prod(np.maximum(right_bottom - left_top, 0.0), axis=1)
    return np.asarray(inside / max(float(np.prod(box[0, 2:] - box[0, :2])), 1e-12))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
