"""Ground truth of a video in MOTS text (see formats/mots_text.py): masks with tracks.

A region of class 10 counts neither way for any class. A file with a frame 0 counts frames from 0,
as KITTI MOTS does, another from 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from streamdet.errors import ConfigError
from streamdet.evaluation.masks import checked_mask
from streamdet.evaluation.truth import HW, Truth, TruthImage, TruthObject
from streamdet.formats.mots_text import IGNORED, MotsRow, is_mots, parse_mots
from streamdet.ops.run_length import decode_region
from streamdet.system.text_file import read_lines

_CATEGORIES = {1: "car", 2: "person"}


def is_mots_truth(path: Path) -> bool:
    """Say whether a .txt is of masks.

    Raises:
        ConfigError: it cannot be read.
    """
    return is_mots(read_lines(path))


def read_mots_truth(path: Path, frame_count: int, hw: HW) -> Truth:
    """Read a file for a video of the same size.

    Args:
        path: gt.txt, or the .txt of a sequence in KITTI MOTS.
        frame_count: frames of the video; the truth of later ones is left out.
        hw: the video's height and width, pixels.

    Raises:
        ConfigError: the file is wrong, or for frames of another size.
    """
    rows = checked_mots(path)
    for row in rows[:1]:
        if row.hw != hw:
            raise ConfigError(
                f"{path}: its masks are for {row.hw[1]} x {row.hw[0]} pixels, the video has"
                f" {hw[1]} x {hw[0]}: wanted the same"
            )
    shift = int(counts_from_0(rows))
    last = max((row.frame for row in rows), default=0) + shift
    notes = [f"frames of the truth are taken to count from {1 - shift}"]
    if last > frame_count:
        notes.append(f"the truth goes on to frame {last}, the video ends at {frame_count}")
    objects = (each for row in rows for each in _objects(row, row.frame + shift))
    return Truth(
        name=str(path),
        images={n: TruthImage(n, f"frame {n}", hw) for n in range(1, frame_count + 1)},
        categories=_CATEGORIES,
        objects=tuple(each for each in objects if each.image_id <= frame_count),
        notes=tuple(notes),
    )


def counts_from_0(rows: Sequence[MotsRow]) -> bool:
    """Say whether frames count from 0: there is a frame 0."""
    return any(row.frame == 0 for row in rows)


def checked_mots(path: Path) -> list[MotsRow]:
    """Read a file as it stands, its masks checked.

    Raises:
        ConfigError: it cannot be read, or a line is wrong.
    """
    lines = read_lines(path)
    rows = parse_mots(lines, str(path))
    _check_masks(rows, path)
    return rows


def _check_masks(rows: Sequence[MotsRow], path: Path) -> None:
    seen: set[tuple[int, int]] = set()
    for row in rows:
        place = f"{path}: frame {row.frame}, id {row.track_id}"
        if row.hw != rows[0].hw:
            raise ConfigError(
                f"{place}: is {row.hw[1]} x {row.hw[0]} pixels, the first line"
                f" {rows[0].hw[1]} x {rows[0].hw[0]}: wanted one size"
            )
        checked_mask({"size": list(row.hw), "counts": row.counts}, row.hw, place)
        if row.class_id != IGNORED and (row.frame, row.track_id) in seen:
            raise ConfigError(f"{place}: is there twice")
        seen.add((row.frame, row.track_id))


def _objects(row: MotsRow, number: int) -> Iterator[TruthObject]:
    columns, (x, y) = decode_region(row.counts.encode(), row.hw)
    width, height = columns.shape
    is_region = row.class_id == IGNORED
    for category_id in _CATEGORIES if is_region else (row.class_id,):
        yield TruthObject(
            image_id=number,
            category_id=category_id,
            xywh=(float(x), float(y), float(width), float(height)),
            area=float(columns.sum()),
            is_crowd=is_region,
            track_id=None if is_region else row.track_id,
            segmentation={"size": list(row.hw), "counts": row.counts},
        )
