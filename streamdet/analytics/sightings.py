"""A frame's objects as analytics look at them, one after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sightings:
    """The objects of a frame, and when it was taken.

    Attributes:
        now_s: when, seconds from any origin.
        found: the objects, in source pixels.
        tracks: their track ids; None for an object that belongs to no track.
    """

    now_s: float
    found: Detections
    tracks: list[int | None]

    def box(self, row: int) -> tuple[float, float, float, float]:
        """The box of an object: x1, y1, x2, y2."""
        x1, y1, x2, y2 = self.found.xyxy[row].tolist()
        return x1, y1, x2, y2

    def of_classes(self, class_ids: frozenset[int] | None) -> Flags:
        """Which objects are of these classes, (N,); all for None."""
        if class_ids is None:
            return np.ones(len(self.found), np.bool_)
        return np.isin(self.found.class_ids, list(class_ids))

    def tracked(self) -> Iterator[tuple[int, int]]:
        """Yield row and track id of each object of a track."""
        for row, track_id in enumerate(self.tracks):
            if track_id is not None:
                yield row, track_id
