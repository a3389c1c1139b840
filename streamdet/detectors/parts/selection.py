"""From candidate boxes to detections: threshold, classes, suppression. N counts candidates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.detectors.parts.options import DetectorOptions, check_options
from streamdet.errors import EngineError
from streamdet.models.model_config import ModelConfig
from streamdet.ops.nms import batched_nms
from streamdet.ops.soft_nms import Decay, soft_nms

MOST_CANDIDATES: Final = 1000  # as NanoDet's and torchvision's heads; bounds the time of NMS

_DECAYS: Final[dict[str, Callable[[float], Decay | None]]] = {
    "greedy": lambda iou_thresh: None,
    "soft_linear": lambda iou_thresh: Decay("linear", iou_thresh),
    "soft_gaussian": lambda iou_thresh: Decay("gaussian"),
}
"""Values of the option `suppression`."""

Floats = npt.NDArray[np.float32]


class Selection:
    """Which candidates of an image become detections; the model's defaults are filled in.

    Attributes:
        score_thresh: lowest score that is kept.
        iou_thresh: overlap above which the lower score goes.
        max_detections: most that are kept.
        is_kept_class: (C,) bool, for each class of the model.
    """

    def __init__(self, options: DetectorOptions, model: ModelConfig) -> None:
        """Join what the user and the model's configuration say.

        Raises:
            ConfigError: the model does not know one of the classes.
        """
        check_options(options, model)
        self.score_thresh: float = _stated(options.score_thresh, model.score_thresh)
        self.iou_thresh: float = _stated(options.iou_thresh, model.iou_thresh)
        self._decay = _DECAYS[options.suppression](self.iou_thresh)
        self.max_detections = options.max_detections
        names = model.classes if options.classes is None else options.classes
        self.is_kept_class: npt.NDArray[np.bool_] = np.isin(model.classes, names)

    def candidates(self, scores: Floats, class_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Pick the rows worth decoding: high enough, of a class that is kept, at most 1,000.

        Args:
            scores: (N,).
            class_ids: (N,).

        Returns:
            Row numbers by falling score, ties by row.
        """
        rows = np.flatnonzero((scores >= self.score_thresh) & self.is_kept_class[class_ids])
        best_first = np.argsort(-scores[rows], kind="stable")
        return np.asarray(rows[best_first[:MOST_CANDIDATES]])

    def check_class_ids(self, class_ids: npt.NDArray[np.int64]) -> None:
        """Check that ids (N,) which a network gives as they are belong to the model's classes.

        Raises:
            EngineError: one does not.
        """
        known = len(self.is_kept_class)
        wrong = class_ids[(class_ids < 0) | (class_ids >= known)]
        if len(wrong):
            raise EngineError(
                f"the network's class ids must be 0 to {known - 1}: the model's configuration names"
                f" {known} classes, got {wrong[0]}"
            )

    def of_suppressed(
        self, scores: Floats, class_ids: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Pick rows of detections that a network has suppressed and sorted: as `candidates`.

        Returns:
            At most `max_detections` row numbers.
        """
        return self.candidates(scores, class_ids)[: self.max_detections]

    def detections(
        self, xyxy: Floats, scores: Floats, class_ids: npt.NDArray[np.int64]
    ) -> Detections:
        """Suppress duplicates among decoded candidates; what is not finite goes first."""
        return self.suppressed(Detections(xyxy, scores, class_ids))

    def suppressed(self, found: Detections) -> Detections:
        """Do what `detections` does, masks and keypoints included."""
        finite = np.isfinite(found.xyxy).all(axis=1) & np.isfinite(found.scores)
        found = found[np.flatnonzero(finite)]
        if self._decay is not None:
            return self._softly_suppressed(found, self._decay)
        kept = batched_nms(
            found.xyxy, found.scores, found.class_ids, self.iou_thresh, top_k=self.max_detections
        )
        return found[kept]

    def _softly_suppressed(self, found: Detections, decay: Decay) -> Detections:
        kept, scores = soft_nms(
            found.xyxy, found.scores, found.class_ids, decay, score_thresh=self.score_thresh
        )
        most = slice(self.max_detections)
        return replace(found[kept[most]], scores=scores[most].astype(np.float32))


def _stated(value: float | None, default: float) -> float:
    return default if value is None else value
