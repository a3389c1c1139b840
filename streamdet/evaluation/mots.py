"""How good tracked masks are: sMOTSA and its parts (Voigtlaender et al. 2019, section 4).

A result is held for an object where their masks' IoU is above .5, which in a frame whose masks do
not overlap is never true of two. So results are made not to overlap first, as MOTS text asks for;
where masks of the truth overlap, pairs are one to one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.evaluation.extra import import_extra
from streamdet.evaluation.masks import to_rle
from streamdet.evaluation.results import Result
from streamdet.evaluation.truth import HW, Truth, TruthObject
from streamdet.ops.masks_apart import masks_apart
from streamdet.trackers.assignment import assign

MIN_IOU = 0.5
Ious = npt.NDArray[np.float64]


@dataclass(slots=True)
class MotsScores:
    """Counts of one class, and what follows from them; equations 1 to 4.

    Attributes:
        objects: masks of the truth.
        true_positives: of them, those that a result is held for.
        soft_true_positives: sum of the IoUs of these.
        false_positives: results for no object, and not mostly in a region that does not count.
        switches: objects whose result has another track than the last one that was held for it.
    """

    objects: int = 0
    true_positives: int = 0
    soft_true_positives: float = 0.0
    false_positives: int = 0
    switches: int = 0

    @property
    def smotsa(self) -> float | None:
        """Soft accuracy: 1 for perfect masks and tracks; None without objects."""
        return self._share(self.soft_true_positives - self.false_positives - self.switches)

    @property
    def motsa(self) -> float | None:
        """Accuracy: as `smotsa`, each true positive counting 1."""
        return self._share(self.true_positives - self.false_positives - self.switches)

    @property
    def motsp(self) -> float | None:
        """Mean IoU of true positives; None without any."""
        return self.soft_true_positives / self.true_positives if self.true_positives else None

    @property
    def misses(self) -> int:
        """Objects without a result."""
        return self.objects - self.true_positives

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        shares = {"smotsa": self.smotsa, "motsa": self.motsa, "motsp": self.motsp}
        return shares | asdict(self) | {"misses": self.misses}

    def _share(self, value: float) -> float | None:
        return value / self.objects if self.objects else None


def score_mask_tracks(truth: Truth, results: Sequence[Result]) -> dict[str, MotsScores]:
    """Score tracked masks, each class by itself.

    Returns:
        Class name -> scores; empty where truth or results have no tracked masks.

    Raises:
        ConfigError: pycocotools is missing.
    """
    counted = [o for o in truth.objects if o.track_id is not None and o.segmentation is not None]
    found = [r for r in results if r.track_id is not None and r.segmentation is not None]
    if not counted or not found:
        return {}
    numbers = {each.category_id for each in counted}
    return {
        name: _scored(truth, [r for r in found if r.category_id == number], number)
        for number, name in truth.categories.items()
        if number in numbers
    }


def _scored(truth: Truth, results: Sequence[Result], category_id: int) -> MotsScores:
    scores = MotsScores()
    last: dict[int, int] = {}
    objects_in: dict[int, list[TruthObject]] = defaultdict(list)
    results_in: dict[int, list[Result]] = defaultdict(list)
    for each in truth.objects:
        is_usable = each.segmentation is not None and (each.is_ignored or each.track_id is not None)
        if each.category_id == category_id and is_usable:
            objects_in[each.image_id].append(each)
    for result in results:
        results_in[result.image_id].append(result)
    for image_id in sorted({*objects_in, *results_in}):
        hw = truth.images[image_id].hw
        _add_frame(scores, objects_in[image_id], _apart(results_in[image_id], hw), hw, last)
    return scores


def _add_frame(
    scores: MotsScores,
    objects: Sequence[TruthObject],
    results: Mapping[int, Any],
    hw: HW,
    last: dict[int, int],
) -> None:
    """Count a frame.

    Args:
        scores: gets the counts.
        objects: of the truth.
        results: track id -> mask; they do not overlap.
        hw: the frame's height and width, pixels.
        last: an object's track id -> that of the result held for it last; gets this frame's.
    """
    wanted = [each for each in objects if not each.is_ignored]
    scores.objects += len(wanted)
    held = set()
    for row, column, iou in _pairs(wanted, results, hw):
        object_id, track_id = wanted[row].track_id or 0, list(results)[column]
        held.add(track_id)
        scores.true_positives += 1
        scores.soft_true_positives += iou
        scores.switches += last.get(object_id, track_id) != track_id
        last[object_id] = track_id
    others = [mask for track_id, mask in results.items() if track_id not in held]
    regions = [to_rle(each.segmentation, hw) for each in objects if each.is_ignored]
    scores.false_positives += len(others) - _mostly_within(others, regions)


def _pairs(
    objects: Sequence[TruthObject], results: Mapping[int, Any], hw: HW
) -> Iterator[tuple[int, int, float]]:
    masks = [to_rle(each.segmentation, hw) for each in objects]
    ious = _ious(masks, list(results.values()), is_region=False)
    rows, columns = assign(np.where(ious > MIN_IOU, ious, 0.0))
    yield from zip(rows.tolist(), columns.tolist(), ious[rows, columns].tolist(), strict=True)


def _mostly_within(masks: Sequence[Any], regions: Sequence[Any]) -> int:
    """Count the masks of which more than half lies in regions."""
    if not masks or not regions:
        return 0
    region = import_extra("pycocotools.mask").merge(list(regions))
    return int(np.count_nonzero(_ious([region], masks, is_region=True) > MIN_IOU))


def _ious(truth: Sequence[Any], found: Sequence[Any], *, is_region: bool) -> Ious:
    """Return (N, M) IoUs; with `is_region` the share of each found mask that lies in the region."""
    if not truth or not found:
        return np.zeros((len(truth), len(found)))
    flags = [int(is_region)] * len(truth)
    return np.asarray(import_extra("pycocotools.mask").iou(list(found), list(truth), flags)).T


def _apart(results: Sequence[Result], hw: HW) -> dict[int, Any]:
    """Make a frame's results not overlap: track id -> what is left of its mask."""
    masks = [_compressed(to_rle(each.segmentation, hw)) for each in results]
    scores = np.array([each.score for each in results], np.float32)
    return {
        each.track_id: {"size": list(hw), "counts": counts}
        for each, counts in zip(results, masks_apart(masks, scores, hw), strict=True)
        if each.track_id is not None and counts is not None
    }


def _compressed(rle: Any) -> bytes:
    counts = rle["counts"]
    return counts.encode() if isinstance(counts, str) else bytes(counts)
