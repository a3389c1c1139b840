"""Writes tracked masks as MOTS text (a .mots.txt), one file per source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.detections import NO_PARENT, UNTRACKED, Detections
from streamdet.formats.mots_text import CLASS_IDS, MotsRow, left_out_text
from streamdet.messages import FrameMessage
from streamdet.ops.masks_apart import masks_apart
from streamdet.sinks import SinkContext
from streamdet.sinks.source_files import SourceFilesOptions, SourceFilesSink


class MotsOptions(SourceFilesOptions):
    """Options of `mots`."""

    first_frame: Literal[0, 1] = Field(
        1, description="Number of the first frame: 1 as in MOTSChallenge, 0 as in KITTI MOTS."
    )


class MotsSink(SourceFilesSink):
    """One line per tracked car or person; pixels that several masks share go to the highest score.

    MOTS knows no other classes: objects of these are left out, and the run says so once.
    """

    Options = MotsOptions
    needs_masks = True

    def __init__(self, options: MotsOptions, context: SinkContext) -> None:
        """Remember options and run."""
        super().__init__(options, context)
        self._first_frame = options.first_frame
        self._told: set[str] = set()

    def lines(self, message: FrameMessage, class_names: Sequence[str], *, is_first: bool) -> bytes:
        """A line for each mask."""
        found = message.detections
        if found is None or message.drop_reason is not None or found.track_ids is None:
            return b""
        found = _tracked(found, class_names)
        names = found.labels(class_names)
        self._tell_left_out(set(names))
        numbers = np.array([CLASS_IDS.get(name, 0) for name in names], np.int64)
        rows = _rows(found[numbers > 0], numbers[numbers > 0], message.index + self._first_frame)
        return "".join(f"{row.line()}\n" for row in rows).encode()

    def _tell_left_out(self, names: set[str]) -> None:
        if text := left_out_text(names - self._told):
            self._told |= names
            self._context.warn(f"{self._path}: {text}")


def _tracked(found: Detections, class_names: Sequence[str]) -> Detections:
    """Keep what has a track; an outline found in a track's crop by a second model has its track.

    Of several in one crop the one of the highest score is meant.
    """
    ids, parents = found.track_ids, found.parents
    assert ids is not None
    if parents is None or found.masks is None:
        return found[ids != UNTRACKED]
    is_bare = np.array([not counts for counts in found.masks.counts], np.bool_)
    is_outline = (parents != NO_PARENT) & ~is_bare & is_bare[parents]
    labels = np.array(found.labels(class_names))  # two models number one class differently
    is_outline &= labels == labels[parents]
    ids = np.where(is_outline, ids[parents], np.where(is_bare, UNTRACKED, ids))
    order = np.argsort(-found.scores, kind="stable")
    order = order[ids[order] != UNTRACKED]
    _, firsts = np.unique(ids[order], return_index=True)
    rows = np.sort(order[firsts])
    return replace(found, track_ids=ids)[rows]


def _rows(found: Detections, class_ids: npt.NDArray[np.int64], frame: int) -> Iterator[MotsRow]:
    if found.masks is None or found.track_ids is None:
        return
    hw = found.masks.hw
    masks = masks_apart(found.masks.counts, found.scores, hw)
    for track_id, class_id, counts in zip(
        found.track_ids.tolist(), class_ids.tolist(), masks, strict=True
    ):
        if counts is not None:
            yield MotsRow(frame, track_id, class_id, hw, counts.decode("ascii"))
