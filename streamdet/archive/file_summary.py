"""What the summary page shows of a file: counts over time, where objects stood, its tracks.

Gathered while the file is joined, a few kilobytes for each hour of video.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from streamdet.detections import UNTRACKED, class_label
from streamdet.messages import FrameMessage
from streamdet.system.atomic_file import write_whole

GRID_HW: Final = (36, 64)
"""Cells of the heatmap."""

_NEAR_EDGE: Final = 0.01
"""A box that ends so near the image's edge (a fraction of its side) is probably cut off."""


@dataclass(slots=True)
class BestView:
    """The frame in which a track is seen best: the largest box of a high score, not cut off.

    Attributes:
        label: class of the object there.
        frames: how many frames the track has.
        first_s: when it is seen first, seconds from the file's first frame.
        last_s: when it is seen last.
        worth: score times side length of the box, a quarter of that where it is cut off.
        index: of the frame.
        before_pts: pts of the frame before that one, ticks, to seek to; None for the first.
        xyxy: the box, source pixels.
    """

    label: str
    frames: int
    first_s: float
    last_s: float
    worth: float = 0.0
    index: int = 0
    before_pts: int | None = None
    xyxy: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


@dataclass(slots=True)
class FileSummary:
    """One file.

    Attributes:
        hw: of its first frame, pixels.
        frames: second of the file -> frames in it.
        counts: class -> second of the file -> objects in the frames of that second.
        heat: cell of GRID_HW, row by row -> objects whose feet were there.
        tracks: track id -> where it is seen best.
    """

    hw: tuple[int, int] = (1, 1)
    frames: Counter[int] = field(default_factory=Counter)
    counts: dict[str, Counter[int]] = field(default_factory=dict)
    heat: Counter[int] = field(default_factory=Counter)
    tracks: dict[int, BestView] = field(default_factory=dict)
    _first_s: float | None = None
    _before_pts: int | None = None

    def add(self, message: FrameMessage, class_names: tuple[str, ...]) -> None:
        """Add the next frame."""
        frame = message.frame
        at_s = float((frame.index * frame.duration if frame.pts is None else frame.pts)
                     * frame.time_base)  # fmt: skip
        if self._first_s is None:
            self._first_s, self.hw = at_s, frame.hw
        at_s -= self._first_s
        self.frames[int(at_s)] += 1
        if message.drop_reason is None and message.detections is not None:
            self._add_objects(message, class_names, at_s)
        self._before_pts = frame.pts

    def write(self, path: Path) -> None:
        """Write it, whole; the inverse of `read_summary`.

        Raises:
            EngineError: it cannot be written.
        """
        values = {
            "hw": self.hw,
            "frames": self.frames,
            "counts": self.counts,
            "heat": self.heat,
            "tracks": {id_: asdict(view) for id_, view in self.tracks.items()},
        }
        write_whole(path, json.dumps(values, separators=(",", ":")).encode())

    def _add_objects(self, message: FrameMessage, names: tuple[str, ...], at_s: float) -> None:
        found = message.detections
        assert found is not None
        ids = [UNTRACKED] * len(found) if found.track_ids is None else found.track_ids.tolist()
        columns = (found.xyxy.tolist(), found.scores.tolist(), found.class_ids.tolist(), ids)
        for xyxy, score, class_id, track_id in zip(*columns, strict=True):
            label = class_label(names, class_id)
            self.counts.setdefault(label, Counter())[int(at_s)] += 1
            self.heat[_cell(xyxy, message.frame.hw)] += 1
            if track_id != UNTRACKED:
                track = self.tracks.setdefault(track_id, BestView(label, 0, at_s, at_s))
                track.frames, track.last_s = track.frames + 1, at_s
                self._look(track, message, xyxy, score, label)

    def _look(
        self, track: BestView, message: FrameMessage, xyxy: list[float], score: float, label: str
    ) -> None:
        worth = _worth(xyxy, score, message.frame.hw)
        if worth > track.worth:
            track.worth, track.label, track.index = worth, label, message.index
            track.before_pts = self._before_pts
            x1, y1, x2, y2 = xyxy
            track.xyxy = (x1, y1, x2, y2)


def read_summary(path: Path) -> FileSummary | None:
    """Read a file's summary; None where there is none."""
    if not path.exists():
        return None
    values: dict[str, Any] = json.loads(path.read_bytes())
    return FileSummary(
        hw=tuple(values["hw"]),
        frames=_counter(values["frames"]),
        counts={name: _counter(counts) for name, counts in values["counts"].items()},
        heat=_counter(values["heat"]),
        tracks={int(id_): BestView(**view) for id_, view in values["tracks"].items()},
    )


def _counter(values: dict[str, int]) -> Counter[int]:
    return Counter({int(key): count for key, count in values.items()})


def _cell(xyxy: list[float], hw: tuple[int, int]) -> int:
    """Number the cell of the middle of a box's lower edge, which is where a person stands."""
    x = min(max((xyxy[0] + xyxy[2]) / 2 / hw[1], 0.0), 0.999)
    y = min(max(xyxy[3] / hw[0], 0.0), 0.999)
    return int(y * GRID_HW[0]) * GRID_HW[1] + int(x * GRID_HW[1])


def _worth(xyxy: list[float], score: float, hw: tuple[int, int]) -> float:
    x1, y1, x2, y2 = xyxy
    side = math.sqrt(max(0.0, x2 - x1) * max(0.0, y2 - y1))
    margin_x, margin_y = hw[1] * _NEAR_EDGE, hw[0] * _NEAR_EDGE
    is_cut = x1 < margin_x or y1 < margin_y or x2 > hw[1] - margin_x or y2 > hw[0] - margin_y
    return score * side * (0.25 if is_cut else 1.0)
