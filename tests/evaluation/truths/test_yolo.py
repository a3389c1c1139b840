"""Ground truth in YOLO's format."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.errors import ConfigError
from streamdet.evaluation.truths.yolo import read_yolo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Labels, class names, and images 1.png and 2.png of 80 x 100 pixels."""
    for name in ("labels", "images"):
        (tmp_path / name).mkdir()
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), np.zeros((80, 100, 3), np.uint8))
    return tmp_path


def test_shares_become_pixels_and_an_image_without_labels_has_no_objects(folder: Path) -> None:
    (folder / "labels" / "2.txt").write_text("1 0.5 0.5 0.2 0.25\n\n")
    truth = read_yolo(folder / "labels", folder / "images")
    [dog] = truth.objects
    assert (dog.image_id, truth.categories[dog.category_id]) == (2, "dog")
    assert dog.xywh == pytest.approx((40.0, 30.0, 20.0, 20.0))
    assert list(truth.images) == [1, 2]


def test_a_polygon_is_a_mask(folder: Path) -> None:
    (folder / "labels" / "1.txt").write_text("0 0.1 0.5 0.3 0.5 0.3 0.75\n")
    [cat] = read_yolo(folder / "labels", folder / "images").objects
    assert cat.xywh == pytest.approx((10.0, 40.0, 20.0, 20.0))
    assert cat.area == pytest.approx(200.0)
    [polygon] = cat.segmentation
    assert polygon == pytest.approx([10, 40, 30, 40, 30, 60])


@pytest.mark.parametrize("names", ["[cat, dog]", "{0: cat, 1: dog}"])
def test_names_may_stand_in_data_yaml(folder: Path, names: str) -> None:
    (folder / "classes.txt").unlink()
    (folder / "data.yaml").write_text(f"names: {names}\n")
    assert read_yolo(folder / "labels", folder / "images").categories == {0: "cat", 1: "dog"}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("7 0.5 0.5 0.2 0.2", "1.txt:1: wanted a class from 0 to 1, got 7"),
        ("0 a 0.5 0.2 0.2", "1.txt:1: wanted numbers, got '0 a 0.5 0.2 0.2'"),
        ("0 0.5 0.5 nan 0.2", "1.txt:1: wanted shares of the image"),
        ("0 50 50 20 20", "1.txt:1: wanted shares of the image"),
        ("0 0.5 0.5 -0.2 0.2", "1.txt:1: wanted width and height of 0 or more"),
        ("0 0.5 0.5", "1.txt:1: wanted class x y width height, with or without a confidence, or"),
    ],
)
def test_a_wrong_line_is_named(folder: Path, line: str, sentence: str) -> None:
    (folder / "labels" / "1.txt").write_text(line)
    with pytest.raises(ConfigError) as caught:
        read_yolo(folder / "labels", folder / "images")
    assert sentence in str(caught.value)


def test_without_class_names_it_says_where_they_belong(folder: Path) -> None:
    (folder / "classes.txt").unlink()
    with pytest.raises(ConfigError, match="wanted class names in"):
        read_yolo(folder / "labels", folder / "images")


def test_wrong_lines_can_be_left_out(folder: Path) -> None:
    (folder / "labels" / "1.txt").write_text("0 0.5 0.5 0.2 0.2\n7 0.5 0.5 0.2 0.2\n0 x\n")
    told: list[ConfigError] = []
    truth = read_yolo(folder / "labels", folder / "images", told.append)
    assert len([each for each in truth.objects if each.place.endswith("1.txt:1")]) == 1
    assert [str(each).rpartition("1.txt:")[2][0] for each in told] == ["2", "3"]
