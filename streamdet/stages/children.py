"""Puts what a second detector has found beside the objects in whose crops it was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from streamdet.detections import NO_PARENT, UNTRACKED, Detections, FrameMasks

T = TypeVar("T")


def with_children(
    found: Detections, children: Sequence[tuple[int, Detections]], first_class: int
) -> Detections:
    """Append the objects that were found in crops; each says whose crop that was.

    They belong to no track, to no zone, and have no attributes or vectors; a mask or keypoints only
    where their own model says so.

    Args:
        found: the frame's objects.
        children: row of an object in `found`, and what was found in its crop; source pixels.
        first_class: number of the second model's first class, among those of both models.
    """
    if not any(len(each) for _, each in children):
        return replace(found, parents=_parents(found))
    new = [each for _, each in children]
    rows = np.repeat([row for row, _ in children], [len(each) for each in new])
    count = len(rows)
    return Detections(
        np.concatenate([found.xyxy, *(each.xyxy for each in new)]),
        np.concatenate([found.scores, *(each.scores for each in new)]),
        np.concatenate([found.class_ids, *(each.class_ids + first_class for each in new)]),
        _filled(found.track_ids, count, UNTRACKED),
        _masks(found, new),
        _keypoints([found, *new]),
        None,
        None if found.zones is None else found.zones + ((),) * count,
        _filled(found.speeds, count, np.nan),
        _filled(found.interpolated, count, fill=False),
        None if found.attributes is None else found.attributes + _nothing(count),
        np.concatenate([_parents(found), rows]),
        None if found.vectors is None else np.pad(found.vectors, ((0, count), (0, 0))),
    )


def _parents(found: Detections) -> npt.NDArray[np.int64]:
    return np.full(len(found), NO_PARENT) if found.parents is None else found.parents


def _nothing(count: int) -> tuple[Mapping[str, str], ...]:
    return ({},) * count


def _filled(column: npt.NDArray[Any] | None, count: int, fill: float) -> npt.NDArray[Any] | None:
    """Append `count` times the same value to a column that is there."""
    return None if column is None else np.append(column, np.full(count, fill, column.dtype))


def _masks(found: Detections, new: Sequence[Detections]) -> FrameMasks | None:
    """Join masks; of an object whose model says nothing of them there is none: b""."""
    all_ = [found, *new]
    hw = next((each.masks.hw for each in all_ if each.masks is not None), None)
    if hw is None:
        return None
    counts = ((b"",) * len(each) if each.masks is None else each.masks.counts for each in all_)
    return FrameMasks(hw, tuple(chain.from_iterable(counts)))


def _keypoints(all_: Sequence[Detections]) -> npt.NDArray[np.float32] | None:
    """Join keypoints; points that an object's model does not have score -inf."""
    most = max((each.keypoints.shape[1] for each in all_ if each.keypoints is not None), default=0)
    if not most:
        return None
    columns = []
    for each in all_:
        column = np.zeros((len(each), most, 3), np.float32)
        column[:, :, 2] = -np.inf
        if each.keypoints is not None:
            column[:, : each.keypoints.shape[1]] = each.keypoints
        columns.append(column)
    return np.concatenate(columns)
