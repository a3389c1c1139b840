"""COCO's metrics (cocodataset.org/#detection-eval): pycocotools does the arithmetic.

Average precision over IoU 0.5 to 0.95, at 101 points of recall, and average recall, of boxes, masks
or keypoints; all objects, and small (below 32 x 32 pixels), medium and large (from 96 x 96).
An object of a segmentation truth that has no mask does not count: its box becomes a crowd region.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from streamdet.errors import ConfigError
from streamdet.evaluation.extra import import_extra
from streamdet.evaluation.masks import to_rle
from streamdet.evaluation.results import POINTS, Kind, Result
from streamdet.evaluation.truth import Truth, TruthImage, TruthObject

Floats = npt.NDArray[np.float64]
Metrics = dict[str, float | None]
"""Name of a metric -> 0..1; None where no object could be found."""

METRICS: Final[dict[Kind, tuple[str, ...]]] = {
    "bbox": (
        *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
        *("AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"),
    ),
    "keypoints": (
        *("AP", "AP50", "AP75", "AP_medium", "AP_large"),
        *("AR", "AR50", "AR75", "AR_medium", "AR_large"),
    ),
}
METRICS["segm"] = METRICS["bbox"]
"""What COCOeval.summarize computes, in its order."""


@dataclass(frozen=True, slots=True)
class CocoScores:
    """COCO's metrics.

    Attributes:
        metrics: over all classes that have objects.
        classes: class name -> AP, AP50, AP75, AP_small, AP_medium and AP_large.
        precision: class name -> (T, R), precision at each IoU threshold and recall; classes without
            objects are left out.
        iou_thresholds: (T,).
        recalls: (R,), 0..1, rising.
    """

    metrics: Metrics
    classes: dict[str, Metrics]
    precision: dict[str, Floats]
    iou_thresholds: Floats
    recalls: Floats


def coco_scores(truth: Truth, results: Sequence[Result], kind: Kind) -> CocoScores:
    """Score results.

    Args:
        truth: classes without objects are not counted.
        results: of images and categories of the truth.
        kind: what is compared; each result has it (masks may stand for boxes).

    Raises:
        ConfigError: pycocotools is missing, or keypoints are not those of a COCO person.
    """
    coco = import_extra("pycocotools.coco").COCO
    images = [_image_entry(each, kind) for each in truth.images.values()]
    categories = [{"id": number, "name": name} for number, name in truth.categories.items()]
    entries = [_truth_entry(truth, n, each, kind) for n, each in enumerate(truth.objects, start=1)]
    found = [_found_entry(truth, each, kind) for each in results]
    with contextlib.redirect_stdout(io.StringIO()):
        wanted = _index(coco(), images, categories, entries)
        got = wanted.loadRes(found) if found else _index(coco(), images, categories, [])
        evaluation = import_extra("pycocotools.cocoeval").COCOeval(wanted, got, kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return _scores(evaluation, truth.categories, kind)


def _index(coco: Any, images: list[Any], categories: list[Any], annotations: list[Any]) -> Any:
    coco.dataset = {"images": images, "categories": categories, "annotations": annotations}
    coco.createIndex()
    return coco


def _image_entry(image: TruthImage, kind: Kind) -> dict[str, int]:
    if kind != "segm":  # only masks need sizes, which not every truth states
        return {"id": image.image_id}
    return {"id": image.image_id, "height": image.hw[0], "width": image.hw[1]}


def _truth_entry(truth: Truth, number: int, each: TruthObject, kind: Kind) -> dict[str, Any]:
    entry = {
        "id": number,
        "image_id": each.image_id,
        "category_id": each.category_id,
        "bbox": list(each.xywh),
        "area": each.area,
        "iscrowd": int(each.is_ignored),
    }
    if kind == "segm":
        hw = truth.images[each.image_id].hw
        x, y, w, h = each.xywh
        box = [[x, y, x, y + h, x + w, y + h, x + w, y]]
        entry["segmentation"] = to_rle(each.segmentation or box, hw)
        entry["iscrowd"] = int(each.is_ignored or each.segmentation is None)
    if kind == "keypoints":
        points = each.keypoints or (0.0,) * 3 * POINTS
        if len(points) != 3 * POINTS:
            raise ConfigError(
                f"{truth.name}: keypoints must be the {POINTS} of a COCO person,"
                f" got {len(points) // 3}"
            )
        entry["keypoints"] = list(points)
        entry["num_keypoints"] = sum(visibility > 0 for visibility in points[2::3])
    return entry


def _found_entry(truth: Truth, each: Result, kind: Kind) -> dict[str, Any]:
    """Give only what is compared: pycocotools would take the size of masks from boxes beside."""
    entry = {"image_id": each.image_id, "category_id": each.category_id, "score": each.score}
    if kind == "keypoints":
        return entry | {"keypoints": list(each.keypoints or ())}
    if kind == "bbox" and each.xywh is not None:
        return entry | {"bbox": list(each.xywh)}
    return entry | {"segmentation": to_rle(each.segmentation, truth.images[each.image_id].hw)}


def _scores(evaluation: Any, categories: Mapping[int, str], kind: Kind) -> CocoScores:
    params = evaluation.params
    precision = evaluation.eval["precision"][..., -1]  # (T, R, K, A), the most detections allowed
    areas = list(params.areaRngLbl)
    classes, curves = {}, {}
    for place, category_id in enumerate(params.catIds):
        name, own = categories[category_id], precision[:, :, place]
        classes[name] = _class_metrics(own, areas, params.iouThrs)
        if (own[..., 0] >= 0).any():
            curves[name] = own[..., 0]
    metrics = dict(zip(METRICS[kind], map(_metric, evaluation.stats.tolist()), strict=True))
    return CocoScores(metrics, classes, curves, params.iouThrs, params.recThrs)


def _class_metrics(precision: Floats, areas: list[str], iou_thresholds: Floats) -> Metrics:
    """Average a class's (T, R, A) precision as COCOeval.summarize averages that of all classes."""
    metrics = {"AP": _mean(precision[..., 0])}
    for percent in (50, 75):
        at = np.isclose(iou_thresholds, percent / 100)
        metrics[f"AP{percent}"] = _mean(precision[at, :, 0])
    for place, area in enumerate(areas[1:], start=1):
        metrics[f"AP_{area}"] = _mean(precision[..., place])
    return metrics


def _mean(precision: Floats) -> float | None:
    known = precision[precision > -1]
    return float(known.mean()) if known.size else None


def _metric(value: float) -> float | None:
    return None if value < 0 else value
