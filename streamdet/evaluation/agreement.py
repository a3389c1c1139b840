"""Whether two forms of one model find the same: the same boxes, nearly the same scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.ops.iou import pairwise_iou

SAME_IOU: Final = 0.9
SAME_SCORE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Agreement:
    """What became of one form's detections in the other, both ways.

    Attributes:
        images: how many were looked at.
        detections: of both forms, without those that a threshold may have cost the other.
        found_again: of these, how many the other has: class, IoU and score.
        score_difference: the largest of those found again.
    """

    images: int
    detections: int
    found_again: int
    score_difference: float

    @property
    def share(self) -> float:
        """Share of the detections that were found again; 1 of none."""
        return self.found_again / self.detections if self.detections else 1.0


def agreement(pairs: Iterable[tuple[Detections, Detections]], score_thresh: float) -> Agreement:
    """Compare what two forms found, image by image.

    Args:
        pairs: of each image, what the two found from `score_thresh` on.
        score_thresh: detections that are less than `SAME_SCORE` above it are not looked for.
    """
    images = detections = found_again = 0
    difference = 0.0
    for first, second in pairs:
        images += 1
        for these, others in ((first, second), (second, first)):
            sure = np.flatnonzero(these.scores >= score_thresh + SAME_SCORE)
            differences = _least_differences(these, others)[sure]
            is_same = differences <= SAME_SCORE
            detections += len(sure)
            found_again += int(is_same.sum())
            difference = max(difference, float(differences[is_same].max(initial=0.0)))
    return Agreement(images, detections, found_again, difference)


def _least_differences(these: Detections, others: Detections) -> npt.NDArray[np.float64]:
    """Tell by how much the score of each one's nearest like differs; infinite without a like."""
    is_like = pairwise_iou(these.xyxy, others.xyxy) >= SAME_IOU
    is_like &= these.class_ids[:, None] == others.class_ids[None]
    differences = np.abs(these.scores[:, None] - others.scores[None])
    least: npt.NDArray[np.float64] = np.where(is_like, differences, np.inf).min(
        axis=1, initial=np.inf
    )
    return least
