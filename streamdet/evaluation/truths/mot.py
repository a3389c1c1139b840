"""Ground truth of a video in MOTChallenge's format (see mot_text.py).

A box with flag 0 does not count; one of a class that looks like a pedestrian (FORGIVEN_CLASSES)
does not either, and neither does a result on it. Boxes of other classes are left out.
"""

from __future__ import annotations

from configparser import ConfigParser
from configparser import Error as IniError
from dataclasses import replace
from pathlib import Path

import numpy as np

from streamdet.errors import ConfigError
from streamdet.evaluation.mot import FORGIVEN_CLASSES
from streamdet.evaluation.truth import Truth, TruthImage, TruthObject
from streamdet.formats.mot_text import PEDESTRIAN, MotRows, read_mot
from streamdet.system.text_file import read_text

PERSON = "person"
_SAME_SHAPE = 0.02  # a re-encoded clip may be a pixel or two wider than the sequence's shape


def read_mot_truth(path: Path, frame_count: int, hw: tuple[int, int]) -> Truth:
    """Read a file for a video, whose size may differ from the sequence's.

    Args:
        path: gt.txt; imWidth and imHeight of seqinfo.ini beside it or one folder up say what its
            pixels are, where there is one, otherwise the video's.
        frame_count: frames of the video; the truth of later ones is left out.
        hw: the video's height and width, pixels.

    Raises:
        ConfigError: a file is wrong, or the video has another shape.
    """
    rows, stated_hw = check_mot_truth(path)
    height, width = stated_hw or hw
    check_same_shape(str(path), (height, width), hw)
    scale = np.array([hw[1] / width, hw[0] / height] * 2)
    images = {n: TruthImage(n, f"frame {n}", hw) for n in range(1, frame_count + 1)}
    is_wanted = (rows.frames <= frame_count) & np.isin(
        rows.class_ids, (PEDESTRIAN, *FORGIVEN_CLASSES)
    )
    wanted = replace(rows[is_wanted], xyxy=(rows[is_wanted].xyxy * scale).astype(np.float32))
    notes = []
    if rows.frame_count > frame_count:
        notes.append(
            f"the truth goes on to frame {rows.frame_count}, the video ends at {frame_count}"
        )
    if stated_hw is None and (outside := _count_outside(wanted, hw)):
        notes.append(
            f"{outside} boxes of the truth lie outside of the video's {width} x {height} pixels,"
            " for which they are taken: no seqinfo.ini, beside it or one folder up, says otherwise"
        )
    return Truth(
        name=str(path),
        images=images,
        categories={PEDESTRIAN: PERSON},
        objects=tuple(_objects(wanted)),
        notes=tuple(notes),
    )


def check_same_shape(name: str, truth_hw: tuple[int, int], hw: tuple[int, int]) -> None:
    """Check that frames of a truth and of a video are of one shape, if not of one size.

    Raises:
        ConfigError: they are not.
    """
    (height, width), (video_height, video_width) = truth_hw, hw
    if abs(video_width / width * height / video_height - 1) > _SAME_SHAPE:
        raise ConfigError(
            f"{name}: its frames are {width} x {height} pixels, the video's {video_width} x"
            f" {video_height}: wanted the same shape"
        )


def check_mot_truth(path: Path) -> tuple[MotRows, tuple[int, int] | None]:
    """Read a file as it stands, and the height and width that its boxes are for.

    Raises:
        ConfigError: the file or its seqinfo.ini is wrong.
    """
    rows = read_mot(path)
    _check_classes(rows, path)
    return rows, sequence_hw(path)


def sequence_hw(path: Path) -> tuple[int, int] | None:
    """Read the height and width of seqinfo.ini, which lies beside a file or one folder up.

    Returns:
        None where there is none.

    Raises:
        ConfigError: it states no size.
    """
    folder = path.absolute().parent
    places = (folder / "seqinfo.ini", folder.parent / "seqinfo.ini")
    info = next(filter(Path.is_file, places), None)
    if info is None:
        return None
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(info))
        section = next(each for each in parser.sections() if each.lower() == "sequence")
        height, width = (float(parser.get(section, key)) for key in ("imHeight", "imWidth"))
        hw = int(height), int(width)
    except (IniError, ValueError, OverflowError, StopIteration) as exc:
        raise ConfigError(f"{info}: wanted imWidth and imHeight in [Sequence]") from exc
    if min(hw) < 1 or hw != (height, width):
        raise ConfigError(
            f"{info}: imWidth and imHeight must be whole, 1 or more, got {width:g} and {height:g}"
        )
    return hw


def _check_classes(rows: MotRows, path: Path) -> None:
    """Check that classes are counted as MOTChallenge does: 0 would be another tool's person."""
    known = np.unique(rows.class_ids).tolist()
    if known and (0 in known or PEDESTRIAN not in known):
        raise ConfigError(
            f"{path}: its classes are {', '.join(map(str, known))}, wanted MOTChallenge's, of which"
            f" {PEDESTRIAN} is the pedestrian and none is 0"
        )


def _count_outside(rows: MotRows, hw: tuple[int, int]) -> int:
    x1, y1, x2, y2 = rows.xyxy.T
    return int(np.count_nonzero((x1 >= hw[1]) | (y1 >= hw[0]) | (x2 <= 0) | (y2 <= 0)))


def _objects(rows: MotRows) -> list[TruthObject]:
    objects = []
    for frame, track_id, xyxy, flag, class_id in zip(
        rows.frames.tolist(),
        rows.track_ids.tolist(),
        rows.xyxy.tolist(),
        rows.scores.tolist(),
        rows.class_ids.tolist(),
        strict=True,
    ):
        x1, y1, x2, y2 = xyxy
        is_target = flag > 0 and class_id == PEDESTRIAN
        objects.append(
            TruthObject(
                image_id=frame,
                category_id=PEDESTRIAN,
                xywh=(x1, y1, x2 - x1, y2 - y1),
                area=(x2 - x1) * (y2 - y1),
                is_difficult=not is_target,
                # As the challenge does: a pedestrian with flag 0 forgives no track.
                track_id=track_id if is_target or class_id != PEDESTRIAN else None,
            )
        )
    return objects
