"""Soft-NMS: Bodla, Singh, Chellappa, Davis, "Soft-NMS", ICCV 2017.

A box that overlaps a better one loses score and is not dropped (figure 2). N counts boxes, K the
kept ones.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from streamdet.ops.iou import pairwise_iou

Floats = npt.NDArray[np.float64]


class Decay(NamedTuple):
    """How a score falls with the overlap.

    Attributes:
        kind: "linear" multiplies it by 1 - IoU from `iou_thresh` on (equation 2), "gaussian" by
            exp(-IoU^2 / sigma) always (equation 3).
        iou_thresh: of the linear decay, 0..1.
        sigma: of the gaussian decay, above 0; the paper's is 0.5.
    """

    kind: Literal["linear", "gaussian"] = "gaussian"
    iou_thresh: float = 0.3
    sigma: float = 0.5

    def factor(self, iou: Floats) -> Floats:
        """What scores are multiplied by, of the IoU with a better box: (N,) both."""
        if self.kind == "linear":
            return np.where(iou >= self.iou_thresh, 1 - iou, 1.0)
        return np.exp(-np.square(iou) / self.sigma)


def soft_nms(
    xyxy: npt.NDArray[np.floating],
    scores: npt.NDArray[np.floating],
    class_ids: npt.NDArray[np.integer],
    decay: Decay,
    *,
    score_thresh: float = 0.001,
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Lower the scores of boxes that overlap better ones of their class.

    Each step takes the box of the highest score, as it is by then (of equal ones the lower index),
    and lowers all that are left. Costs a step for each box kept.

    Args:
        xyxy: (N, 4) pixels.
        scores: (N,), at least 0.
        class_ids: (N,).
        decay: how scores fall.
        score_thresh: a box whose score falls below it is dropped.

    Returns:
        (K,) indices and (K,) lowered scores of the kept boxes, by falling lowered score.
    """
    current = np.where(scores >= score_thresh, scores, -np.inf).astype(np.float64)
    kept: list[int] = []
    kept_scores: list[float] = []
    for _ in range(len(current)):
        best = int(current.argmax())
        if current[best] == -np.inf:
            break
        kept.append(best)
        kept_scores.append(float(current[best]))
        current[best] = -np.inf
        rivals = np.flatnonzero((current > -np.inf) & (class_ids == class_ids[best]))
        iou = pairwise_iou(xyxy[best : best + 1], xyxy[rivals])[0]
        lowered = current[rivals] * decay.factor(iou)
        current[rivals] = np.where(lowered >= score_thresh, lowered, -np.inf)
    return np.array(kept, dtype=np.int64), np.array(kept_scores)
