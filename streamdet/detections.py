"""What a detector or a tracker says of one frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from streamdet.errors import ConfigError

T = TypeVar("T")
Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.bool_] | npt.NDArray[np.int64] | slice
"""Which objects: a mask, row numbers (in that order) or a slice."""
RowNumbers = npt.NDArray[np.int64]

UNTRACKED: Final = 0
"""The track id of an object that belongs to no track, beside others that do."""
NO_PARENT: Final = -1
"""The parent of an object that was found in the whole frame, beside others that have one."""


_COLUMNS: Final = {
    "scores": np.float32,
    "class_ids": np.int64,
    "track_ids": np.int64,
    "speeds": np.float32,
    "interpolated": np.bool_,
    "parents": np.int64,
}
"""Columns of one value for each object."""
_JOINED: Final = ("xyxy", "scores", "class_ids", "track_ids", "keypoints", "speeds", "vectors")
"""Columns that `Detections.with_others` joins as they are."""


@dataclass(frozen=True, slots=True)
class FrameMasks:
    """The masks of N objects in their whole frame. Immutable; `masks[rows]` selects, `len` counts.

    Attributes:
        hw: height and width of the frame, pixels.
        counts: each object's run lengths as COCO's compressed text (see ops/run_length.py); b"" of
            an object whose model says nothing of it.
    """

    hw: tuple[int, int]
    counts: tuple[bytes, ...]

    def __len__(self) -> int:
        """Count the masks."""
        return len(self.counts)

    def __getitem__(self, rows: Rows) -> FrameMasks:
        """Select masks as `Detections` selects objects."""
        chosen = np.arange(len(self.counts))[rows].tolist()
        return FrameMasks(self.hw, tuple(self.counts[row] for row in chosen))

    @classmethod
    def of_arrays(cls, masks: npt.NDArray[np.bool_]) -> FrameMasks:
        """Encode (N, H, W) bool masks; the inverse of `decoded`."""
        from streamdet.ops.run_length import encode

        return cls(masks.shape[1:], tuple(encode(mask.astype(np.bool_)) for mask in masks))

    def decoded(self) -> npt.NDArray[np.bool_]:
        """Decode to (N, H, W) bool; the inverse of `of_arrays`."""
        from streamdet.ops.run_length import decode

        masks = np.zeros((len(self.counts), *self.hw), np.bool_)
        for mask, text in zip(masks, self.counts, strict=True):
            if text:
                mask[:] = decode(text, self.hw)
        return masks


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N objects of one frame. Immutable; `detections[mask]` selects, `len` counts.

    Attributes:
        xyxy: (N, 4) float32, pixels (of the source, once a stage has mapped them back); x2 and y2
            are exclusive edges: width is x2 - x1.
        scores: (N,) float32, 0..1.
        class_ids: (N,) int64, index into the model's class names.
        track_ids: (N,) int64, unique within one source and stable over its frames, or
            `UNTRACKED`; None before a tracker, and for still images.
        masks: which pixels of the source's frame belong to each object; None where the model says
            nothing of it, and before `mask_probs` are pasted.
        keypoints: (N, K, 3) float32, x and y in the pixels of `xyxy`, then the point's score as
            the model gives it (Mask R-CNN: a logit, above 0 where the point is more likely than
            not), -inf for a point that the object's model does not have; None where no model has
            any.
        mask_probs: (N, M, M) float32, 0..1, how likely each cell of an M x M grid over the box
            belongs to the object; what a network says of masks. The stage of a detector pastes
            them into `masks`: they never travel.
        zones: the names of the zones that each object is in; None where no zones are looked at.
        speeds: (N,) float32, metres per second, NaN where not known yet; None where none are
            measured.
        attributes: what else is known of each object, name -> value, such as colour -> red; None
            where nothing is looked for.
        interpolated: (N,) bool, which objects were not found in this frame but put where their
            track must have been; None where all were found.
        parents: (N,) int64, the row of the object in whose crop a second detector found this one,
            or `NO_PARENT`; None where there is no second detector.
        vectors: (N, D) float16, of length 1, by which each object can be known again; 0 where
            nothing was seen of it; None where nobody looks.

    Raises:
        ValueError: shapes disagree.
    """

    xyxy: Floats
    scores: Floats
    class_ids: npt.NDArray[np.int64]
    track_ids: npt.NDArray[np.int64] | None = None
    masks: FrameMasks | None = None
    keypoints: Floats | None = None
    mask_probs: Floats | None = None
    zones: tuple[tuple[str, ...], ...] | None = None
    speeds: Floats | None = None
    interpolated: npt.NDArray[np.bool_] | None = None
    attributes: tuple[Mapping[str, str], ...] | None = None
    parents: RowNumbers | None = None
    vectors: npt.NDArray[np.float16] | None = None

    def __post_init__(self) -> None:
        """Bring the arrays to their dtypes and check that the shapes agree."""
        set_ = object.__setattr__
        set_(self, "xyxy", np.ascontiguousarray(self.xyxy, dtype=np.float32))
        if self.xyxy.ndim != 2 or self.xyxy.shape[1] != 4:
            raise ValueError(f"xyxy must be (N, 4), got {self.xyxy.shape}")
        for name, dtype in _COLUMNS.items():
            if (column := getattr(self, name)) is None:
                continue
            set_(self, name, np.ascontiguousarray(column, dtype=dtype))
            if getattr(self, name).shape != (len(self.xyxy),):
                got = getattr(self, name).shape
                raise ValueError(f"{name} must be ({len(self.xyxy)},), got {got}")
        if self.parents is not None and _is_outside(self.parents):
            raise ValueError(f"parents must be rows of {len(self.xyxy)} objects, or -1")
        if self.vectors is not None:
            self._check_vectors(self.vectors)
        self._check_shapes_of_objects()

    def _check_shapes_of_objects(self) -> None:
        """Do for masks and keypoints what `__post_init__` does for the other columns."""
        set_, count = object.__setattr__, len(self.xyxy)
        for name in ("masks", "zones", "attributes"):
            column = getattr(self, name)
            if column is not None and len(column) != count:
                raise ValueError(f"{name} must be of {count} objects, got {len(column)}")
        if self.keypoints is not None:
            set_(self, "keypoints", np.ascontiguousarray(self.keypoints, dtype=np.float32))
            shape = self.keypoints.shape
            if len(shape) != 3 or shape[0] != count or shape[2] != 3:
                raise ValueError(f"keypoints must be ({count}, K, 3), got {shape}")
        if self.mask_probs is not None:
            set_(self, "mask_probs", np.ascontiguousarray(self.mask_probs, dtype=np.float32))
            shape = self.mask_probs.shape
            if len(shape) != 3 or shape[0] != count or shape[1] != shape[2]:
                raise ValueError(f"mask_probs must be ({count}, M, M), got {shape}")

    def _check_vectors(self, vectors: npt.NDArray[np.float16]) -> None:
        vectors = np.ascontiguousarray(vectors, dtype=np.float16)
        object.__setattr__(self, "vectors", vectors)
        if vectors.ndim != 2 or len(vectors) != len(self.xyxy):
            raise ValueError(f"vectors must be ({len(self.xyxy)}, D), got {vectors.shape}")

    @classmethod
    def empty(cls) -> Detections:
        """No objects."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def tracks(self) -> list[int | None]:
        """List each object's track id, None for one that belongs to no track."""
        if self.track_ids is None:
            return [None] * len(self)
        return [None if each == UNTRACKED else each for each in self.track_ids.tolist()]

    def moved(self, move: Callable[[Floats], Floats]) -> Detections:
        """Move boxes and keypoints to another image's pixels; `masks` stay those of their frame.

        Args:
            move: maps (..., 4) boxes and (..., 2) points, as a Geometry does.
        """
        if self.keypoints is None:
            return replace(self, xyxy=move(self.xyxy))
        xy, point_scores = move(self.keypoints[..., :2]), self.keypoints[..., 2:]
        keypoints = np.concatenate((xy, point_scores), axis=-1)
        return replace(self, xyxy=move(self.xyxy), keypoints=keypoints)

    def labels(self, class_names: Sequence[str]) -> list[str]:
        """Name the class of each object; by its number where the model does not name it.

        Args:
            class_names: of the model that found them: `detector.classes`, `frame.classes`.
        """
        return [class_label(class_names, class_id) for class_id in self.class_ids.tolist()]

    def to_supervision(self, class_names: Sequence[str] = ()) -> Any:
        """Convert to a `supervision.Detections`; the inverse of `from_supervision`.

        Keypoints stay behind: supervision keeps those apart from its detections.

        Args:
            class_names: become `data["class_name"]` where there are any.

        Raises:
            ConfigError: the library `supervision` is not installed.
        """
        return _supervision().Detections(
            xyxy=self.xyxy.copy(),
            confidence=self.scores.copy(),
            class_id=self.class_ids.copy(),
            tracker_id=None if self.track_ids is None else self.track_ids.copy(),
            mask=None if self.masks is None else self.masks.decoded(),
            data={"class_name": np.array(self.labels(class_names))} if class_names else {},
        )

    @classmethod
    def from_supervision(cls, found: Any) -> Detections:
        """Convert a `supervision.Detections`; the inverse of `to_supervision`.

        Raises:
            ValueError: its objects have no confidence or no class_id.
        """
        if len(found) == 0:
            return cls.empty()
        if found.confidence is None or found.class_id is None:
            raise ValueError("wanted detections with confidence and class_id, got them without")
        return cls(
            found.xyxy,
            found.confidence,
            found.class_id,
            found.tracker_id,
            None if found.mask is None else FrameMasks.of_arrays(found.mask),
        )

    def with_others(self, others: Detections) -> Detections:
        """Append objects that were found alike: with masks, keypoints and ids as these have.

        Those of one of the two that says nothing of `interpolated` were found. Neither has parents.
        """
        columns: dict[str, Any] = {
            name: np.concatenate((own, getattr(others, name)))
            for name in _JOINED
            if (own := getattr(self, name)) is not None
        }
        if self.interpolated is not None or others.interpolated is not None:
            columns["interpolated"] = np.concatenate((_is_filled(self), _is_filled(others)))
        if self.zones is not None and others.zones is not None:
            columns["zones"] = self.zones + others.zones
        if self.attributes is not None and others.attributes is not None:
            columns["attributes"] = self.attributes + others.attributes
        if self.masks is not None and others.masks is not None:
            counts = self.masks.counts + others.masks.counts
            return replace(self, **columns, masks=FrameMasks(self.masks.hw, counts))
        return replace(self, **columns)

    def __len__(self) -> int:
        """Count the objects."""
        return len(self.xyxy)

    def __getitem__(self, rows: Rows) -> Detections:
        """Select objects by mask, by row numbers (in that order) or by slice."""
        return Detections(
            self.xyxy[rows],
            self.scores[rows],
            self.class_ids[rows],
            None if self.track_ids is None else self.track_ids[rows],
            None if self.masks is None else self.masks[rows],
            None if self.keypoints is None else self.keypoints[rows],
            None if self.mask_probs is None else self.mask_probs[rows],
            None if self.zones is None else _selected(self.zones, rows),
            None if self.speeds is None else self.speeds[rows],
            None if self.interpolated is None else self.interpolated[rows],
            None if self.attributes is None else _selected(self.attributes, rows),
            None if self.parents is None else _parents_of(self.parents, rows),
            None if self.vectors is None else self.vectors[rows],
        )


def _is_filled(found: Detections) -> npt.NDArray[np.bool_]:
    return np.zeros(len(found), np.bool_) if found.interpolated is None else found.interpolated


def _is_outside(parents: RowNumbers) -> bool:
    return bool(((parents < NO_PARENT) | (parents >= len(parents))).any())


def _parents_of(parents: RowNumbers, rows: Rows) -> RowNumbers:
    """Select parents, and number them as the selection does; `NO_PARENT` for one left out."""
    chosen = np.arange(len(parents))[rows]
    places = np.full(len(parents) + 1, NO_PARENT)  # the last is that of NO_PARENT
    places[chosen] = np.arange(len(chosen))
    return places[parents[chosen]]


def _selected(values: tuple[T, ...], rows: Rows) -> tuple[T, ...]:
    return tuple(values[row] for row in np.arange(len(values))[rows].tolist())


def _supervision() -> Any:
    try:
        import supervision
    except ImportError as exc:
        raise ConfigError("supervision is not installed: pip install supervision") from exc
    return supervision


def class_label(class_names: Sequence[str], class_id: int) -> str:
    """Name a class; its number where the model does not name it."""
    return class_names[class_id] if 0 <= class_id < len(class_names) else str(class_id)
