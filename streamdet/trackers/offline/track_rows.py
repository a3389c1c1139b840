"""The objects of all frames of a source in one table, small enough for hours of video."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from streamdet.detections import UNTRACKED, Detections

Ids = npt.NDArray[np.int64]
Indices = npt.NDArray[np.intp]
_CHUNK = 4096


@dataclass(frozen=True, slots=True, eq=False)
class TrackRows:
    """R objects, rising by frame.

    Attributes:
        frames: (R,) int64, from 0.
        track_ids: (R,) int64, `UNTRACKED` for an object of no track.
        xyxy: (R, 4) float32, pixels.
        scores: (R,) float32.
        class_ids: (R,) int64.
    """

    frames: Ids
    track_ids: Ids
    xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: Ids

    @classmethod
    def of_frames(cls, frames: Iterable[Detections | None]) -> TrackRows:
        """Gather the objects of frames 0, 1, ...; None for a frame without a result."""
        nothing, rest, parts = Detections.empty(), iter(frames), []
        # In chunks: a thousand frames' Detections take as much as an hour's rows.
        for begin in itertools.count(0, _CHUNK):
            found = [each or nothing for each in itertools.islice(rest, _CHUNK)]
            parts.append(cls._of_some(begin, [nothing, *found]))
            if len(found) < _CHUNK:
                break
        return cls.concatenated(parts)

    @classmethod
    def _of_some(cls, begin: int, found: Sequence[Detections]) -> TrackRows:
        """Gather the objects of one frame before `begin`, and of those from it on."""
        counts = [len(each) for each in found]
        return cls(
            np.repeat(np.arange(begin - 1, begin - 1 + len(found)), counts),
            np.concatenate([_ids(each) for each in found]),
            np.concatenate([each.xyxy for each in found]),
            np.concatenate([each.scores for each in found]),
            np.concatenate([each.class_ids for each in found]),
        )

    @classmethod
    def concatenated(cls, parts: Sequence[TrackRows]) -> TrackRows:
        """Append rows to rows; they need not rise any longer."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def __len__(self) -> int:
        """Count the objects."""
        return len(self.frames)

    def __getitem__(self, rows: Indices | slice) -> TrackRows:
        """Select objects by row numbers, in that order, or by slice."""
        return TrackRows(*(getattr(self, field.name)[rows] for field in fields(self)))

    def of_frame(self, frame: int) -> slice:
        """Say which rows are those of a frame."""
        begin, end = np.searchsorted(self.frames, (frame, frame + 1))
        return slice(int(begin), int(end))

    def tracks(self) -> Iterator[Indices]:
        """Go through the tracks by id: the rows of each, rising by frame."""
        order = np.lexsort((self.frames, self.track_ids))
        ids = self.track_ids[order]
        starts = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 1))
        for rows in np.split(order, starts[1:]):
            if len(rows) and self.track_ids[rows[0]] != UNTRACKED:
                yield rows


def _ids(found: Detections) -> Ids:
    return np.full(len(found), UNTRACKED) if found.track_ids is None else found.track_ids
