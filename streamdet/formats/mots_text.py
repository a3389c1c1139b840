"""MOTS text (Voigtlaender et al. 2019, "Multi-object tracking and segmentation"): one mask a line.

Columns, with blanks between: frame, id, class, height and width of the frame, run lengths as COCO
compresses them. The masks of a frame never overlap. Class 1 is a car, 2 a pedestrian, and 10 a
region in which nothing counts. Source: mots_tools, by the paper's authors, whose KITTI MOTS counts
frames from 0, and motchallenge.net/data/MOTS, where they count from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from streamdet.errors import ConfigError
from streamdet.system.redaction import short

CLASS_IDS: Final = {"car": 1, "person": 2, "pedestrian": 2}
"""Name of a class -> its number; others have none."""

IGNORED: Final = 10
"""The class of a region in which nothing counts."""

_COLUMNS: Final = 6


@dataclass(frozen=True, slots=True)
class MotsRow:
    """One mask.

    Attributes:
        frame: as the file counts, from 0 or 1.
        track_id: 1 or more; in ground truth often 1000 x class_id + a number.
        class_id: of `CLASS_IDS`, or `IGNORED`.
        hw: height and width of the frame, pixels.
        counts: its run lengths, compressed.
    """

    frame: int
    track_id: int
    class_id: int
    hw: tuple[int, int]
    counts: str

    def line(self) -> str:
        """Write it, without a line end; the inverse of `parse_mots`."""
        return (
            f"{self.frame} {self.track_id} {self.class_id} {self.hw[0]} {self.hw[1]} {self.counts}"
        )


def parse_mots(lines: Sequence[str], name: str) -> list[MotsRow]:
    """Parse lines, in their order; blank ones are skipped.

    Args:
        lines: without line ends.
        name: of the file, for errors.

    Raises:
        ConfigError: a line is wrong, in one sentence with its number.
    """
    stated = enumerate(lines, start=1)
    return [_row(line, f"{name}:{number}") for number, line in stated if line.strip()]


def left_out_text(class_names: Iterable[str]) -> str:
    """Say which of some classes MOTS text has no number for; "" for none."""
    names = sorted(set(class_names) - CLASS_IDS.keys())
    return f"MOTS text has cars and people only: left out are {', '.join(names)}" if names else ""


def is_mots(lines: Sequence[str]) -> bool:
    """Say whether text is of masks, not of boxes, by its first line that is not blank."""
    first = next((line for line in lines if line.strip()), "").split()
    return len(first) == _COLUMNS and all(map(_is_whole, first[:-1])) and not _is_number(first[-1])


def _row(line: str, place: str) -> MotsRow:
    parts = line.split()
    if len(parts) != _COLUMNS or not all(map(_is_whole, parts[:-1])):
        raise ConfigError(
            f"{place}: wanted MOTS text: frame, id, class, height and width as whole numbers, then"
            f" run lengths, got {short(repr(line))}"
        )
    frame, track_id, class_id, height, width = map(int, parts[:-1])
    if class_id not in {*CLASS_IDS.values(), IGNORED}:
        raise ConfigError(
            f"{place}: the class must be 1 (car), 2 (pedestrian) or 10 (not counted), got"
            f" {class_id}"
        )
    if min(height, width) < 1:
        raise ConfigError(f"{place}: height and width must be 1 or more, got {height} and {width}")
    return MotsRow(frame, track_id, class_id, (height, width), parts[-1])


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
