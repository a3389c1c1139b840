"""How good results are, in all metrics that their kind has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from typing import Any, Final

from streamdet.evaluation.coco import CocoScores, coco_scores
from streamdet.evaluation.confusion import Confusion, confusion
from streamdet.evaluation.extra import import_extra
from streamdet.evaluation.masks import to_rle
from streamdet.evaluation.mot import MotScores
from streamdet.evaluation.mots import MotsScores, score_mask_tracks
from streamdet.evaluation.results import Kind, Result
from streamdet.evaluation.truth import Truth
from streamdet.evaluation.voc import VocScores, voc_scores

_SHAPES: Final[tuple[tuple[Kind, str, str], ...]] = (
    ("segm", "segmentation", "masks"),
    ("keypoints", "keypoints", "points"),
)
"""What is compared beside boxes, the field of truth and results that holds it, and in words."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What `streamdet eval` says.

    Attributes:
        kind: what was compared.
        images: images, or frames of a video.
        objects: class name -> objects that count.
        results: class name -> results.
        coco: COCO's metrics.
        voc: VOC's metrics; boxes only.
        confusion: what was taken for what; boxes only.
        tracking: class name -> metrics of its tracks, "all" -> those of all; only of a video whose
            truth and results have tracks.
        mask_tracking: class name -> metrics of its tracked masks; masks only, likewise.
        about: what was measured: model, runtime, frames a second ...
        notes: what a reader of the metrics must know, a sentence each.
    """

    kind: Kind
    images: int
    objects: dict[str, int]
    results: dict[str, int]
    coco: CocoScores
    voc: VocScores | None = None
    confusion: Confusion | None = None
    tracking: dict[str, MotScores] = field(default_factory=dict)
    mask_tracking: dict[str, MotsScores] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON; what cannot be computed is null."""
        return {
            "images": self.images,
            "objects": self.objects,
            "results": self.results,
            "coco": {"all": self.coco.metrics, "classes": self.coco.classes},
            "voc": None if self.voc is None else asdict(self.voc),
            "confusion": None if self.confusion is None else asdict(self.confusion),
            "tracking": {name: _plain(scores) for name, scores in self.tracking.items()},
            "mask_tracking": {name: each.as_dict() for name, each in self.mask_tracking.items()},
            "about": self.about,
            "notes": list(self.notes),
        }


def score_all(truth: Truth, results: Sequence[Result]) -> list[Scores]:
    """Score boxes, and masks and points where both the truth and the results have any.

    Returns:
        The scores of the boxes first; their notes say what was found but cannot be scored.

    Raises:
        ConfigError: as `score_results`.
    """
    kinds: list[Kind] = ["bbox"]
    notes: list[str] = []
    for kind, name, words in _SHAPES:
        if not any(getattr(result, name) is not None for result in results):
            continue
        if any(getattr(each, name) is not None for each in truth.objects):
            kinds.append(kind)
        else:
            notes.append(f"the {words} that were found are not scored: the truth has none")
    boxes, *others = [score_results(truth, results, kind) for kind in kinds]
    return [replace(boxes, notes=(*boxes.notes, *notes)), *others]


def score_results(truth: Truth, results: Sequence[Result], kind: Kind) -> Scores:
    """Score results against the truth.

    Raises:
        ConfigError: pycocotools is missing, or the truth has other keypoints than COCO's.
    """
    names = list(truth.categories.values())
    objects, found = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for each in truth.objects:
        objects[truth.categories[each.category_id]] += not each.is_ignored
    for result in results:
        found[truth.categories[result.category_id]] += 1
    scores = Scores(
        kind, len(truth.images), objects, found, coco_scores(truth, results, kind),
        notes=(*truth.notes, *_notes(truth, kind)),
    )  # fmt: skip
    if kind == "segm":
        return replace(scores, mask_tracking=score_mask_tracks(truth, results))
    if kind != "bbox":
        return scores
    boxed = [_with_box(truth, result) for result in results]
    return replace(scores, voc=voc_scores(truth, boxed), confusion=confusion(truth, boxed))


def _with_box(truth: Truth, result: Result) -> Result:
    if result.xywh is not None:
        return result
    rle = to_rle(result.segmentation, truth.images[result.image_id].hw)
    x, y, w, h = import_extra("pycocotools.mask").toBbox(rle).tolist()
    return replace(result, xywh=(x, y, w, h))


def _notes(truth: Truth, kind: Kind) -> list[str]:
    without = sum(not each.is_ignored and each.segmentation is None for each in truth.objects)
    if kind == "segm" and without:
        return [f"{without} objects have no mask and do not count"]
    return []


def _plain(scores: MotScores) -> dict[str, Any]:
    metrics = asdict(scores) | {"recall": scores.recall, "precision": scores.precision}
    return {
        name: value if value is None or isfinite(value) else None for name, value in metrics.items()
    }
