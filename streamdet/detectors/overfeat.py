"""OverFeat: Sermanet et al., "OverFeat", ICLR 2014, section 4.3: boxes of windows are merged.

The network (networks/overfeat.py) gives class probabilities and boxes of windows at many places and
sizes. No box is thrown away: the best match of two is replaced by their mean, as often as there is
one, and their scores add up. L windows, C classes.

Departures: boxes of windows above a threshold take part, not those of each size's best k classes;
classes are merged apart. The paper's match score adds an area to a distance, and a good match has
much of the one and little of the other: here both terms are free of units and fall. Scores add up
as -log(1 - score), so that they stay below 1. What still overlaps afterwards is suppressed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.detections import Detections
from streamdet.detectors.parts.network import require_network
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.selection import Selection
from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import ModelConfig
from streamdet.ops.iou import pairwise_iou
from streamdet.runtimes import Runtime, Tensors

Floats = npt.NDArray[np.floating]


class OverFeatOptions(NetworkOptions):
    """Options of `OverFeat`."""

    window_thresh: float = Field(
        0.1, ge=0, le=1, description="Lowest class probability of a window that is merged."
    )
    windows: int = Field(100, ge=1, le=1000, description="Most windows of a class that are merged.")
    match_thresh: float = Field(
        0.5,
        ge=0,
        description="Two boxes merge up to this: distance of centres in mean sides, plus 1 - IoU.",
    )


class OverFeat:
    """Merges the windows of an OverFeat network."""

    Options = OverFeatOptions

    def __init__(
        self, options: OverFeatOptions, model: ModelConfig, runtime: Runtime | None
    ) -> None:
        """Join options, model and the runtime that has loaded the model's network.

        Raises:
            ConfigError: the model does not know one of the classes, or has no network.
        """
        self._run, _ = require_network(model, runtime)
        self._options = options
        self._selection = Selection(options, model)
        self._classes = len(model.classes)
        self.runtime_name = self._run.name

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`.

        Raises:
            EngineError: the runtime failed, or the network's outputs are not OverFeat's.
        """
        return [self._detect(outputs) for outputs in self._run(images)]

    def _detect(self, outputs: Tensors) -> Detections:
        scores, xyxy = self._windows(outputs)
        # NaN compares as lower than any threshold: such scores end here.
        ids = np.flatnonzero((scores >= self._options.window_thresh).any(axis=0))
        shared = xyxy.shape[1] == 1
        found = [self._merge(scores[:, one], xyxy[:, 0 if shared else one]) for one in ids]
        boxes = np.concatenate([np.zeros((0, 4)), *(boxes for boxes, _ in found)])
        sums = np.concatenate([np.zeros(0), *(sums for _, sums in found)]).astype(np.float32)
        class_ids = np.repeat(ids, [len(sums) for _, sums in found])
        rows = self._selection.candidates(sums, class_ids)
        return self._selection.detections(
            boxes[rows].astype(np.float32), sums[rows], class_ids[rows]
        )

    def _windows(self, outputs: Tensors) -> tuple[Floats, Floats]:
        """Scores (L, C) and boxes (L, 1 or C, 4) of the windows of an image."""
        missing = [name for name in ("scores", "boxes") if name not in outputs]
        if missing:
            raise EngineError(f"the network has no output {missing[0]!r}, only {list(outputs)}")
        scores, boxes = outputs["scores"][0], outputs["boxes"][0]
        one, each = (len(scores), 4), (len(scores), self._classes, 4)
        if scores.shape != (len(scores), self._classes) or boxes.shape not in (one, each):
            raise EngineError(
                f"an OverFeat network gives scores (1, L, {self._classes}) and boxes of as many"
                f" windows, got {scores.shape} and {boxes.shape}"
            )
        return scores, boxes.reshape(len(scores), -1, 4)

    def _merge(self, scores: Floats, xyxy: Floats) -> tuple[Floats, Floats]:
        is_box = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1) & np.isfinite(xyxy).all(axis=1)
        rows = np.flatnonzero((scores >= self._options.window_thresh) & is_box)
        best = rows[np.argsort(-scores[rows], kind="stable")[: self._options.windows]]
        return merge_boxes(xyxy[best], scores[best], self._options.match_thresh)


def merge_boxes(xyxy: Floats, scores: Floats, match_thresh: float) -> tuple[Floats, Floats]:
    """Merge the best match of all boxes, again and again (section 4.3, steps d to f).

    Args:
        xyxy: (N, 4) pixels, of one class, none empty.
        scores: (N,) 0..1.
        match_thresh: no pair with a match score above it is merged.

    Returns:
        (M, 4) and (M,) float64, in the order of the first box of each merged one.
    """
    boxes, gains = xyxy.astype(np.float64), _gains(scores)
    is_left = np.ones(len(boxes), dtype=bool)
    matches = match_scores(boxes, boxes)
    np.fill_diagonal(matches, np.inf)
    while len(boxes):
        first, second = sorted(divmod(int(matches.argmin()), len(boxes)))
        if not matches[first, second] <= match_thresh:
            break
        boxes[first] = (boxes[first] + boxes[second]) / 2
        gains[first] += gains[second]
        is_left[second] = False
        matches[second], matches[:, second] = np.inf, np.inf
        row = match_scores(boxes[[first]], boxes)[0]
        row[~is_left] = np.inf
        row[first] = np.inf
        matches[first], matches[:, first] = row, row
    return boxes[is_left], -np.expm1(-gains[is_left])


def match_scores(xyxy: Floats, other: Floats) -> Floats:
    """Say how badly boxes match: the distance of the centres in mean sides, plus 1 - IoU.

    Args:
        xyxy: (N, 4) pixels, none empty.
        other: (M, 4) pixels, none empty.

    Returns:
        (N, M), from 0, where they are the same.
    """
    centres, sides = _centres_and_sides(xyxy)
    other_centres, other_sides = _centres_and_sides(other)
    distances = np.linalg.norm(centres[:, None] - other_centres, axis=2)
    mean_sides = (sides[:, None] + other_sides) / 2
    return np.asarray(distances / mean_sides + 1 - pairwise_iou(xyxy, other))


def _centres_and_sides(xyxy: Floats) -> tuple[Floats, Floats]:
    return (xyxy[:, :2] + xyxy[:, 2:]) / 2, (xyxy[:, 2:] - xyxy[:, :2]).mean(axis=1)


def _gains(scores: Floats) -> Floats:
    """What adds up: -log(1 - score); a score of 1 counts as a hair less."""
    below_one = np.minimum(scores.astype(np.float64), 1 - 1e-7)
    return np.asarray(-np.log1p(-below_one))
