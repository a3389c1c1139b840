"""What a detector or a tracker says of one frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N objects of one frame. Immutable; `detections[mask]` selects, `len` counts.

    Attributes:
        xyxy: (N, 4) float32, pixels (of the source, once a stage has mapped them back); x2 and y2
            are exclusive edges: width is x2 - x1.
        scores: (N,) float32, 0..1.
        class_ids: (N,) int64, index into the model's class names.
        track_ids: (N,) int64, unique within one source and stable over its frames; None before a
            tracker.

    Raises:
        ValueError: shapes disagree.
    """

    xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    track_ids: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Bring the arrays to their dtypes and check that the shapes agree."""
        set_ = object.__setattr__
        set_(self, "xyxy", np.ascontiguousarray(self.xyxy, dtype=np.float32))
        set_(self, "scores", np.ascontiguousarray(self.scores, dtype=np.float32))
        set_(self, "class_ids", np.ascontiguousarray(self.class_ids, dtype=np.int64))
        if self.xyxy.ndim != 2 or self.xyxy.shape[1] != 4:
            raise ValueError(f"xyxy must be (N, 4), got {self.xyxy.shape}")
        columns: dict[str, npt.NDArray[Any]] = {
            "scores": self.scores,
            "class_ids": self.class_ids,
        }
        if self.track_ids is not None:
            set_(self, "track_ids", np.ascontiguousarray(self.track_ids, dtype=np.int64))
            columns["track_ids"] = self.track_ids
        for name, column in columns.items():
            if column.shape != (len(self.xyxy),):
                raise ValueError(f"{name} must be ({len(self.xyxy)},), got {column.shape}")

    @classmethod
    def empty(cls) -> Detections:
        """No objects."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def __len__(self) -> int:
        """Count the objects."""
        return len(self.xyxy)

    def __getitem__(
        self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64] | slice
    ) -> Detections:
        """Select objects by mask, by row numbers (in that order) or by slice."""
        track_ids = None if self.track_ids is None else self.track_ids[rows]
        return Detections(self.xyxy[rows], self.scores[rows], self.class_ids[rows], track_ids)
