"""A frame's objects as analytics look at them, one after another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections

Flags = npt.NDArray[np.bool_]


class Sightings:
    """The objects of a frame, and when it was taken.

    Attributes:
        now_s: when, seconds from any origin.
        found: the objects, in source pixels.
        tracks: their track ids; None for an object that belongs to no track.
        class_ids: their classes.
    """

    __slots__ = ("class_ids", "found", "now_s", "tracks")

    def __init__(self, now_s: float, found: Detections) -> None:
        """List what is looked at one by one: arrays are slow at that."""
        self.now_s, self.found = now_s, found
        self.tracks = found.tracks()
        self.class_ids: list[int] = found.class_ids.tolist()

    def box(self, row: int) -> tuple[float, float, float, float]:
        """The box of an object: x1, y1, x2, y2."""
        x1, y1, x2, y2 = self.found.xyxy[row].tolist()
        return x1, y1, x2, y2

    def of_classes(self, class_ids: frozenset[int] | None) -> Flags:
        """Which objects are of these classes, (N,); all for None."""
        if class_ids is None:
            return np.ones(len(self.found), np.bool_)
        return np.array([class_id in class_ids for class_id in self.class_ids], np.bool_)

    def tracked(self) -> Iterator[tuple[int, int]]:
        """Yield row and track id of each object of a track."""
        for row, track_id in enumerate(self.tracks):
            if track_id is not None:
                yield row, track_id
