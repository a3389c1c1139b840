"""One line of a YOLO label file: what is read, and what could be two things and is refused.

After the class number stand, as shares of the image's width and height:

    x y width height            a box: its centre and size
    x y width height CONFIDENCE what a detector wrote (save_conf)
    x y x y x y ...             a polygon of three points or more
    x y width height POINTS     a box with keypoints, where `kpt_shape` says how many
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamdet.evaluation.truth import TruthImage, TruthObject
from streamdet.evaluation.truths.yolo_classes import YoloClasses
from streamdet.system.redaction import short

Point = tuple[float, float, float]
"""x, y and visibility: 0 not labelled, 1 hidden, 2 seen."""

_VISIBILITIES: Final = {0.0, 1.0, 2.0}
_ROUNDED: Final = 0.001  # edges of rounded shares may lie this far outside


@dataclass(frozen=True, slots=True)
class YoloRow:
    """A line that was understood.

    Attributes:
        class_id: its class number.
        shares: 4 of a box, 6 or more of a polygon, as they stand there.
        points: keypoints, x and y as shares; empty without any.
        has_confidence: whether one stands behind, for which a truth has no use.
    """

    class_id: int
    shares: tuple[float, ...]
    points: tuple[Point, ...] = ()
    has_confidence: bool = False


def parse_row(cells: Sequence[str], classes: YoloClasses) -> YoloRow:
    """Understand a line.

    Raises:
        ValueError: it cannot be read, in a sentence.
    """
    try:
        number, *values = map(float, cells)
    except ValueError as exc:
        raise ValueError(f"wanted numbers, got {short(' '.join(cells))!r}") from exc
    if number not in classes.names:
        raise ValueError(f"wanted {_class_numbers(classes.names)}, got {cells[0]}")
    if classes.points is None:
        row = _box_or_polygon(int(number), values)
    else:
        row = _box_with_points(int(number), values, classes.points)
    shares = (*row.shares, *(share for point in row.points for share in point[:2]))
    if not all(-1.0 <= share <= 2.0 for share in shares):
        raise ValueError("wanted shares of the image, 0 to 1, got others")
    if len(row.shares) == 4 and min(row.shares[2:]) < 0:
        width, height = row.shares[2:]
        raise ValueError(f"wanted width and height of 0 or more, got {width} and {height}")
    return row


def object_of(row: YoloRow, image: TruthImage, place: str) -> TruthObject:
    """Turn shares into an image's pixels.

    Args:
        row: the line.
        image: the image that it is of.
        place: file and line, for errors.
    """
    height, width = image.hw
    if len(row.shares) > 4:
        return _outline(row, image, place)
    x, y, w, h = row.shares
    xywh = (x - w / 2) * width, (y - h / 2) * height, w * width, h * height
    points = [value for x, y, seen in row.points for value in (x * width, y * height, seen)]
    return TruthObject(
        image.image_id,
        row.class_id,
        xywh,
        xywh[2] * xywh[3],
        keypoints=tuple(points) or None,
        place=place,
    )


def _class_numbers(names: Mapping[int, str]) -> str:
    numbers = [*names]
    if numbers == [*range(len(numbers))]:
        return f"a class from 0 to {numbers[-1]}"
    return short(f"one of the classes {', '.join(map(str, numbers))}")


def _box_or_polygon(class_id: int, values: list[float]) -> YoloRow:
    if len(values) in {4, 5}:
        return YoloRow(class_id, tuple(values[:4]), has_confidence=_has_confidence(values[4:]))
    if _may_hold_points(values):
        raise ValueError(
            "seems to be a box with keypoints: wanted `kpt_shape` in a data.yaml of the labels"
        )
    if len(values) == 6 and _is_box_in_image(values) and values[5] in {1.0, 2.0}:
        raise ValueError(
            "may be a triangle, or a box with confidence and track id: wanted 4 numbers of a box"
        )
    if len(values) < 6 or len(values) % 2:
        raise ValueError(
            "wanted class x y width height, with or without a confidence, or a polygon,"
            f" got {len(values) + 1} numbers"
        )
    return YoloRow(class_id, tuple(values))


def _box_with_points(class_id: int, values: list[float], shape: tuple[int, int]) -> YoloRow:
    count, numbers = shape
    end = 4 + count * numbers
    if len(values) not in {4, end, end + 1}:
        raise ValueError(
            f"wanted class x y width height and {count} keypoints of {numbers} numbers, as"
            f" `kpt_shape` says, {end + 1} numbers in all, got {len(values) + 1}"
        )
    points = tuple(
        _point(values[start : start + numbers]) for start in range(4, len(values[:end]), numbers)
    )
    return YoloRow(class_id, tuple(values[:4]), points, _has_confidence(values[end:]))


def _point(values: list[float]) -> Point:
    x, y = values[:2]
    seen = values[2] if len(values) == 3 else 2.0 * any(values)  # 0, 0: it is not labelled
    if seen not in _VISIBILITIES:
        raise ValueError(f"wanted a keypoint's visibility, 0, 1 or 2, got {seen}")
    return x, y, seen


def _has_confidence(behind: list[float]) -> bool:
    if behind and not 0.0 <= behind[0] <= 1.0:
        raise ValueError(f"wanted nothing or a confidence, 0 to 1, at the end, got {behind[0]:g}")
    return bool(behind)


def _may_hold_points(values: list[float]) -> bool:
    """Say whether each third number behind a box is a visibility, so that it is no polygon.

    A polygon may have zeros and ones there too, but hardly three, behind what could be a box.
    """
    visibilities = values[6::3]
    if (len(values) - 4) % 3 == 2 or not _VISIBILITIES.issuperset(visibilities):
        return False
    return 2.0 in visibilities or (len(visibilities) > 2 and _is_box_in_image(values))


def _is_box_in_image(values: list[float]) -> bool:
    x, y, w, h = values[:4]
    edges = x - w / 2, x + w / 2, y - h / 2, y + h / 2
    return min(w, h) > 0 and all(-_ROUNDED <= edge <= 1 + _ROUNDED for edge in edges)


def _outline(row: YoloRow, image: TruthImage, place: str) -> TruthObject:
    height, width = image.hw
    x = [share * width for share in row.shares[0::2]]
    y = [share * height for share in row.shares[1::2]]
    twice = sum(x[i - 1] * y[i] - x[i] * y[i - 1] for i in range(len(x)))  # the shoelace formula
    polygon = [value for point in zip(x, y, strict=True) for value in point]
    xywh = min(x), min(y), max(x) - min(x), max(y) - min(y)
    return TruthObject(
        image.image_id, row.class_id, xywh, abs(twice) / 2, segmentation=[polygon], place=place
    )
