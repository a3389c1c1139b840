"""MOTChallenge text: one box a line, for detections, for results and for ground truth.

Columns: frame, id, left, top, width, height, score, then 3 that depend on the year (MOT15 x, y, z;
MOT17 class, visibility) or none; see mot_lines.py for how other tools write them. Frames count from
1. Source: motchallenge.net/instructions.

Note "pixels from 1": MOTChallenge calls the first pixel 1, we call its left edge 0. So reading
takes 1 off left and top and `format_line` puts it back; width and height stay as they are. Ground
truth and results go through the same two functions, so scores do not depend on the shift, and a
line with at most 3 decimals (6 for the score) comes out as it went in, in images up to 8,192
pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.formats.mot_header import CLASS_COLUMN_COUNTS
from streamdet.formats.mot_lines import parse_table
from streamdet.system.text_file import read_lines

PEDESTRIAN = 1
_NO_CLASS = -1


@dataclass(frozen=True, slots=True, eq=False)
class MotRows:
    """The R boxes of one file, sorted by frame; rows of one frame keep the file's order.

    Attributes:
        frames: (R,) int64, from 1.
        track_ids: (R,) int64; -1 in files of detections.
        xyxy: (R, 4) float32, pixels, the first pixel's left edge is 0.
        scores: (R,) float32; in ground truth 0 means "do not score this box"; 1 without column 7.
        class_ids: (R,) int64; column 8 of 8 or 9, otherwise, and for -1, 1 (pedestrian).
    """

    frames: npt.NDArray[np.int64]
    track_ids: npt.NDArray[np.int64]
    xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Count the boxes."""
        return len(self.frames)

    def __getitem__(self, rows: npt.NDArray[np.bool_] | slice) -> MotRows:
        """Select boxes by mask or by slice."""
        return MotRows(
            self.frames[rows],
            self.track_ids[rows],
            self.xyxy[rows],
            self.scores[rows],
            self.class_ids[rows],
        )

    @property
    def frame_count(self) -> int:
        """Number of the last frame that has a box; 0 in an empty file."""
        return int(self.frames[-1]) if len(self) else 0

    def in_frames(self, frame_count: int) -> list[MotRows]:
        """Split by frame: item i holds the boxes of frame i + 1."""
        split = [self[:0]] * frame_count
        numbers, starts = np.unique(self.frames, return_index=True)
        ends = np.searchsorted(self.frames, numbers, side="right")
        for number, start, end in zip(numbers, starts, ends, strict=True):
            if number <= frame_count:
                split[number - 1] = self[start:end]
        return split

    def detections(self) -> list[Detections]:
        """Turn frames 1 to `frame_count` into detections of class 0 without track ids."""
        nothing = Detections.empty()
        return [
            Detections(rows.xyxy, rows.scores, np.zeros(len(rows), dtype=np.int64))
            if len(rows)
            else nothing
            for rows in self.in_frames(self.frame_count)
        ]


def read_mot(path: Path) -> MotRows:
    """Read a file of detections, results or ground truth.

    Raises:
        ConfigError: the file cannot be read, or a line is wrong (names file and line).
    """
    return parse_mot(read_lines(path), str(path))


def parse_mot(lines: list[str], name: str = "line") -> MotRows:
    """Parse lines in any order of frames; the inverse of `format_line`.

    Args:
        lines: without line ends.
        name: what a message calls the text.

    Raises:
        ConfigError: a line is wrong, in one sentence with its number.
    """
    table = parse_table(lines, name)
    table = table[np.argsort(table[:, 0], kind="stable")]
    columns = table.shape[1]
    left_top = table[:, 2:4] - 1.0
    class_ids = table[:, 7] if columns in CLASS_COLUMN_COUNTS else np.full(len(table), _NO_CLASS)
    return MotRows(
        frames=table[:, 0].astype(np.int64),
        track_ids=table[:, 1].astype(np.int64),
        xyxy=np.hstack([left_top, left_top + table[:, 4:6]]).astype(np.float32),
        scores=(table[:, 6] if columns > 6 else np.ones(len(table))).astype(np.float32),
        class_ids=np.where(class_ids == _NO_CLASS, PEDESTRIAN, class_ids).astype(np.int64),
    )


def format_line(frame: int, track_id: int, xyxy: npt.NDArray[np.float32], score: float) -> str:
    """Write one box as a line of 10 columns without line end.

    Args:
        frame: from 1.
        track_id: from 1.
        xyxy: (4,) pixels, the first pixel's left edge is 0.
        score: 0..1.
    """
    x1, y1, x2, y2 = (float(edge) for edge in xyxy)
    box = f"{x1 + 1.0:.3f},{y1 + 1.0:.3f},{x2 - x1:.3f},{y2 - y1:.3f}"
    return f"{frame},{track_id},{box},{float(score):.6f},-1,-1,-1"


def format_frame(frame: int, tracks: Detections) -> str:
    """Write all tracks of a frame (numbered from 1), one line each, with line ends.

    Raises:
        ValueError: the detections have no track ids.
    """
    if tracks.track_ids is None:
        raise ValueError("MOTChallenge results need track ids, got detections without any")
    rows = zip(tracks.track_ids, tracks.xyxy, tracks.scores, strict=True)
    return "".join(f"{format_line(frame, id_, xyxy, score)}\n" for id_, xyxy, score in rows)
