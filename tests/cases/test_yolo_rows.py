"""Rows of YOLO labels as array libraries and detectors write them; none is read as another box."""

from __future__ import annotations

import pytest

from streamdet.evaluation.truth import TruthImage
from streamdet.evaluation.truths.yolo_classes import YoloClasses
from streamdet.evaluation.truths.yolo_rows import YoloRow, object_of, parse_row

PLAIN = YoloClasses({0: "cat", 1: "dog"})
IMAGE = TruthImage(1, "a.png", (80, 100))
BOX = (0.5, 0.5, 0.2, 0.25)


def parsed(line: str, classes: YoloClasses = PLAIN) -> YoloRow:
    return parse_row(line.split(), classes)


def refusal(line: str, classes: YoloClasses = PLAIN) -> str:
    with pytest.raises(ValueError, match="wanted") as caught:
        parsed(line, classes)
    return str(caught.value)


@pytest.mark.parametrize("number", ["1", "1.0", "1.000000", "1.000000000000000000e+00", "+1"])
def test_a_whole_class_number_may_be_a_decimal(number: str) -> None:
    row = parsed(f"{number} 0.5 0.5 0.2 0.25")
    assert (row.class_id, row.shares, row.has_confidence) == (1, BOX, False)


@pytest.mark.parametrize("number", ["0.5", "2.0", "-1", "nan", "inf"])
def test_other_class_numbers_are_refused(number: str) -> None:
    assert refusal(f"{number} 0.5 0.5 0.2 0.25") == f"wanted a class from 0 to 1, got {number}"


@pytest.mark.parametrize("confidence", ["0", "0.93", "1"])
def test_a_confidence_stands_behind_the_box(confidence: str) -> None:
    row = parsed(f"0 0.5 0.5 0.2 0.25 {confidence}")
    assert (row.shares, row.has_confidence) == (BOX, True)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("0 0.5 0.5 0.2 0.25 7", "wanted nothing or a confidence, 0 to 1, at the end, got 7"),
        ("0 0.5 0.5 0.2 0.25 0.9 1", "may be a triangle, or a box with confidence and track id"),
        ("0 0.5 0.5 0.2 0.25 0.9 7", "wanted shares of the image, 0 to 1, got others"),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2 0.9", "wanted class x y width height, with or without a"),
        ("0 0.5 0.5 0.2 0.25 0.5 0.5 2", "seems to be a box with keypoints: wanted `kpt_shape`"),
        ("0 0.5 0.5 0.2 0.2 .5 .5 1 .5 .5 1 .5 .5 1 0 0 0", "seems to be a box with keypoints"),
        ("person 0.5 0.5 0.2 0.25", "wanted numbers, got 'person 0.5 0.5 0.2 0.25'"),
        ("0,0.5,0.5,0.2,0.25", "wanted numbers"),
    ],
)
def test_what_could_be_something_else_is_refused(line: str, sentence: str) -> None:
    assert refusal(line).startswith(sentence)


def test_a_polygon_along_the_image_s_borders_is_a_polygon() -> None:
    corners = (0.0, 0.0, 0.5, 0.0, 1.0, 0.0, 1.0, 0.5, 1.0, 1.0, 0.0, 1.0, 0.0, 0.5)
    row = parse_row(["0", *map(str, corners)], PLAIN)
    found = object_of(row, IMAGE, "a.txt:1")
    assert found.xywh == (0, 0, 100, 80)
    assert found.segmentation is not None


@pytest.mark.parametrize(
    ("numbers", "points"),
    [(3, "0.4 0.5 2 0.6 0.25 1 0 0 0"), (2, "0.4 0.5 0.6 0.25 0 0")],
)
def test_keypoints_become_pixels(numbers: int, points: str) -> None:
    row = parsed(f"0 0.5 0.5 0.2 0.25 {points}", YoloClasses(PLAIN.names, (3, numbers)))
    found = object_of(row, IMAGE, "a.txt:1")
    assert found.xywh == pytest.approx((40, 30, 20, 20))
    seen = 1 if numbers == 3 else 2
    assert found.keypoints == pytest.approx((40, 40, 2, 60, 20, seen, 0, 0, 0))
    assert found.segmentation is None


def test_a_row_of_keypoints_may_have_none_or_a_confidence() -> None:
    classes = YoloClasses(PLAIN.names, (1, 3))
    assert parsed("0 0.5 0.5 0.2 0.25", classes).points == ()
    assert parsed("0 0.5 0.5 0.2 0.25 0.4 0.5 2 0.9", classes).has_confidence


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("0 0.1 0.1 0.2 0.1 0.2 0.2", "wanted class x y width height and 1 keypoints of 3 numbers"),
        ("0 0.5 0.5 0.2 0.25 0.4 0.5 0.97", "wanted a keypoint's visibility, 0, 1 or 2, got 0.97"),
        ("0 0.5 0.5 0.2 0.25 40 50 2", "wanted shares of the image"),
    ],
)
def test_a_row_that_kpt_shape_does_not_fit_is_refused(line: str, sentence: str) -> None:
    assert refusal(line, YoloClasses(PLAIN.names, (1, 3))).startswith(sentence)
