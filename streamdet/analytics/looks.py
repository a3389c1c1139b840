"""Which objects a second network looks at, whose turn it is, and what was seen of each track."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgpack
import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.analytics.options import AnalyticsOptions, Fault, Surroundings
from streamdet.detections import NO_PARENT, Detections

FORGET_S: Final = 60.0
"""A track that was not seen for this long does not come back: trackers end it sooner."""

Seen = npt.NDArray[np.float32]
"""What a network says of an object, (D,): probabilities of classes, or a vector."""


class LookOptions(AnalyticsOptions):
    """Options of analytics whose objects are looked at by a second network."""

    classes: tuple[str, ...] | None = Field(
        None, min_length=1, description="Names of the classes to look at; by default all."
    )
    every_frames: int = Field(
        10, ge=1, description="A track is looked at again after so many frames, at the earliest."
    )
    most_looks: int = Field(
        4, ge=1, le=100, description="Looks in one frame, at most; the longest unseen come first."
    )
    margin: float = Field(
        0.0, ge=0, le=1, description="What is seen around the box, as a share of its sides."
    )

    def faults(self, surroundings: Surroundings) -> Iterator[Fault]:
        """Yield unknown classes."""
        yield from surroundings.faults((), (), self.classes)


@dataclass(slots=True)
class _Track:
    """What is known of a track.

    Attributes:
        looked_index: the frame in which it was last looked at.
        seen_s: when it was last in a frame.
        looks: how often it was looked at.
        total: sum over all looks.
    """

    looked_index: int
    seen_s: float
    looks: int
    total: Seen


class Looks:
    """The looks at the objects of one source.

    Where there is no tracker, objects are looked at in each frame. Where there is one, those
    without a track are never looked at, but for those that a second detector has found.
    """

    def __init__(self, options: LookOptions) -> None:
        """Begin without tracks."""
        self._every = options.every_frames
        self._most = options.most_looks
        self._tracks: dict[int, _Track] = {}

    def due(self, index: int, found: Detections, fits: Callable[[int], bool]) -> list[int]:
        """List the rows to look at in a frame, those that were looked at longest ago first.

        Args:
            index: of the frame.
            found: its objects.
            fits: tells of a row whether such an object is looked at.
        """
        rows: list[tuple[int, int]] = []
        is_root = None if found.parents is None else found.parents == NO_PARENT
        for row, track in enumerate(found.tracks()):
            may_be_noise = found.track_ids is not None and (is_root is None or is_root[row])
            if (track is None and may_be_noise) or not fits(row):
                continue
            known = None if track is None else self._tracks.get(track)
            last = -self._every if known is None else known.looked_index
            if index - last >= self._every:
                rows.append((last, row))
        return [row for _, row in sorted(rows)[: self._most]]

    def add(
        self, index: int, now_s: float, found: Detections, seen: Mapping[int, Seen]
    ) -> list[Seen | None]:
        """Add what was seen in a frame.

        Args:
            index: of the frame.
            now_s: when it was taken.
            found: its objects.
            seen: row -> what the network says of it.

        Returns:
            Of each object the mean of all looks at its track; of one without a track what was seen
            now; None of one that was never looked at.
        """
        means = [
            seen.get(row) if track is None else self._mean(track, seen.get(row), index, now_s)
            for row, track in enumerate(found.tracks())
        ]
        self._tracks = {k: v for k, v in self._tracks.items() if now_s - v.seen_s <= FORGET_S}
        return means

    def _mean(self, track: int, look: Seen | None, index: int, now_s: float) -> Seen | None:
        known = self._tracks.get(track)
        if look is not None:
            if known is None:
                known = self._tracks[track] = _Track(index, now_s, 0, np.zeros_like(look))
            known.looked_index, known.looks = index, known.looks + 1
            known.total = known.total + look
        if known is None:
            return None
        known.seen_s = now_s
        return known.total / np.float32(known.looks)

    def state(self) -> bytes:
        """Pack the tracks; the inverse of `restore`."""
        packed: bytes = msgpack.packb(
            [
                (track, each.looked_index, each.seen_s, each.looks, each.total.tobytes())
                for track, each in self._tracks.items()
            ]
        )
        return packed

    def restore(self, state: bytes) -> None:
        """Go on with the tracks."""
        self._tracks = {
            track: _Track(looked_index, seen_s, looks, np.frombuffer(total, np.float32))
            for track, looked_index, seen_s, looks, total in msgpack.unpackb(state)
        }
