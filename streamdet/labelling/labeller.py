"""Who says what is in the frames of one source: a detector, or the scene that was rendered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from streamdet.detections import Detections
from streamdet.evaluation.images import Detect
from streamdet.evaluation.truths.street import LEAST_SEEN
from streamdet.image import Pixels
from streamdet.labelling.following import Follow, begun_earlier
from streamdet.labelling.verdicts import Label, judge
from streamdet.sources.synthetic import SyntheticSource

_SHORTEST_SIDE: Final = 1.0


class Labeller(Protocol):
    """Sees the frames of one source in order, and judges them all at the end."""

    def see(self, number: int, pixels: Pixels) -> Detections:
        """Say what is in a frame.

        Args:
            number: its place among the decoded frames, from 0.
            pixels: (H, W, 3) uint8 BGR.

        Returns:
            With track ids; 0 for what belongs to no track.
        """
        ...

    def judge(self, frames: Sequence[Detections]) -> list[list[Label]]:
        """Make labels of what was seen, those of each frame."""
        ...


class ByDetector:
    """What a detector finds, judged track by track."""

    def __init__(self, detect: Detect, follow: Follow, score_thresh: float) -> None:
        """Join a detector, who follows its objects, and what score makes an object."""
        self._detect = detect
        self._follow = follow
        self._score_thresh = score_thresh

    def see(self, number: int, pixels: Pixels) -> Detections:
        """Detect and follow; slivers at the edge of an image are left out."""
        found = self._detect(pixels)
        wh = found.xyxy[:, 2:] - found.xyxy[:, :2]
        return self._follow(found[np.asarray((wh >= _SHORTEST_SIDE).all(axis=1))])

    def judge(self, frames: Sequence[Detections]) -> list[list[Label]]:
        """See verdicts.py."""
        return judge(begun_earlier(frames), self._score_thresh)


class ByScene:
    """What is true of a rendered scene; what is hardly to be seen is ignored."""

    def __init__(self, scene: SyntheticSource, class_ids: Sequence[int]) -> None:
        """Ask a scene for its objects of some classes (indices of `street.CLASS_NAMES`)."""
        self._scene = scene
        self._class_ids = class_ids

    def see(self, number: int, pixels: Pixels) -> Detections:
        """Say where everybody is; scores: the share of an object that is to be seen."""
        found = self._scene.truth(number)
        return found[np.isin(found.class_ids, self._class_ids)]

    def judge(self, frames: Sequence[Detections]) -> list[list[Label]]:
        """Mark every object that is visible by at least LEAST_SEEN."""
        return [[_true_label(found, row) for row in range(len(found))] for found in frames]


def _true_label(found: Detections, row: int) -> Label:
    assert found.track_ids is not None
    x1, y1, x2, y2 = found.xyxy[row].tolist()
    return Label(
        verdict="ignored" if found.scores[row] < LEAST_SEEN else "object",
        class_id=int(found.class_ids[row]),
        xyxy=(x1, y1, x2, y2),
        score=None,
        track_id=int(found.track_ids[row]),
        row=row,
    )
