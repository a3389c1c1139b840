"""YOLO data sets as labelling tools lay them out: names, labels and images in several folders."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.errors import ConfigError
from streamdet.evaluation.truths.yolo import read_yolo
from streamdet.evaluation.truths.yolo_classes import find_classes

NAMES = {0: "gate", 1: "cone"}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((80, 100, 3), np.uint8))


@pytest.mark.parametrize("images", ["valid/images", "valid", "."])
def test_valid_labels_beside_valid_images(tmp_path: Path, images: str) -> None:
    write(tmp_path / "data.yaml", "train: ../train/images\nnc: 2\nnames: ['gate', 'cone']\n")
    write(tmp_path / "valid/labels/a.txt", "1 0.5 0.5 0.2 0.25\n")
    draw(tmp_path / "valid/images/a.jpg")
    truth = read_yolo(tmp_path / "valid/labels", tmp_path / images)
    [cone] = truth.objects
    assert truth.categories[cone.category_id] == "cone"
    assert cone.xywh == pytest.approx((40.0, 30.0, 20.0, 20.0))
    assert (tmp_path / images / truth.images[1].file_name).is_file()


@pytest.mark.parametrize("images", ["images/val", "images", "."])
def test_labels_val_beside_images_val(tmp_path: Path, images: str) -> None:
    write(tmp_path / "data.yaml", "names: {0: gate, 1: cone}")
    write(tmp_path / "labels/val/a.txt", "0 0.5 0.5 0.2 0.25\n")
    draw(tmp_path / "images/val/a.jpg")
    truth = read_yolo(tmp_path / "labels/val", tmp_path / images)
    assert [each.category_id for each in truth.objects] == [0]


@pytest.mark.parametrize("place", ["labels/val/{}", "labels/{}", "{}"])
@pytest.mark.parametrize("name", ["classes.txt", "obj.names", "_darknet.labels"])
def test_a_list_of_names_is_found(tmp_path: Path, place: str, name: str) -> None:
    (tmp_path / "labels" / "val").mkdir(parents=True)
    write(tmp_path / place.format(name), "gate\ncone\n\n")
    assert find_classes(tmp_path / "labels" / "val").names == NAMES


@pytest.mark.parametrize("name", ["data.yaml", "data.yml", "dataset.yaml", "dataset.yml"])
@pytest.mark.parametrize(
    "names", ["[gate, cone]", "{0: gate, 1: cone}", "{1: cone, 0: gate}", "{'0': gate, '1': cone}"]
)
def test_names_of_a_data_set_are_a_list_or_a_mapping(tmp_path: Path, name: str, names: str) -> None:
    write(tmp_path / name, f"path: .\nnames: {names}\n")
    assert find_classes(tmp_path / "valid" / "labels").names == NAMES


def test_names_lie_beside_the_folder_of_all_labels(tmp_path: Path) -> None:
    write(tmp_path / "data.yaml", "names: [gate, cone]")
    assert find_classes(tmp_path / "labels/val/north/morning").names == NAMES


def test_the_nearest_folder_names_the_classes(tmp_path: Path) -> None:
    write(tmp_path / "data.yaml", "names: [cat]")
    write(tmp_path / "labels/classes.txt", "gate\ncone\n")
    assert find_classes(tmp_path / "labels").names == NAMES


def test_words_that_yaml_takes_for_something_else_are_names(tmp_path: Path) -> None:
    write(tmp_path / "data.yaml", "names: [no, 1, null, 1.10]")
    assert [*find_classes(tmp_path).names.values()] == ["no", "1", "null", "1.10"]


def test_class_numbers_may_have_gaps(tmp_path: Path) -> None:
    write(tmp_path / "data.yaml", "names: {0: gate, 7: cone}")
    write(tmp_path / "a.txt", "7 0.5 0.5 0.2 0.2\n3 0.5 0.5 0.2 0.2\n")
    draw(tmp_path / "a.png")
    with pytest.raises(ConfigError, match=r"a\.txt:2: wanted one of the classes 0, 7, got 3"):
        read_yolo(tmp_path, tmp_path)


def test_a_yaml_without_names_is_another_program_s(tmp_path: Path) -> None:
    write(tmp_path / "labels/data.yaml", "stages: [a]")
    write(tmp_path / "classes.txt", "gate\ncone\n")
    assert find_classes(tmp_path / "labels").names == NAMES


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("data.yaml", "names: data/obj.names", "`names` must list the class names"),
        ("data.yaml", "names: {gate: 0, cone: 1}", "`names` must list the class names"),
        ("data.yaml", "names: []", "`names` must list the class names"),
        ("data.yaml", "names: [", "data.yaml: is not YAML"),
        ("data.yaml", "names: [a]\nkpt_shape: 17", "`kpt_shape` must be [keypoints, 2 or 3"),
        ("classes.txt", "gate\n\ncone\n", "classes.txt:2: is empty, wanted the name of class 1"),
        ("classes.txt", "\n", "classes.txt: is empty"),
    ],
)
def test_names_that_cannot_be_read_are_refused(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    write(tmp_path / name, text)
    with pytest.raises(ConfigError) as caught:
        find_classes(tmp_path)
    assert sentence in str(caught.value)


def test_two_files_that_name_different_classes_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "data.yaml", "names: [gate, cone]")
    write(tmp_path / "classes.txt", "cone\ngate\n")
    with pytest.raises(ConfigError, match=r"classes\.txt beside it name different classes"):
        find_classes(tmp_path)


def test_labels_of_no_image_are_noted(tmp_path: Path) -> None:
    write(tmp_path / "classes.txt", "gate\n")
    for name in "ab":
        write(tmp_path / f"{name}.txt", "0 0.5 0.5 0.2 0.2\n")
    draw(tmp_path / "a.png")
    truth = read_yolo(tmp_path, tmp_path)
    assert truth.notes == ("label files of no image: 1, such as b.txt",)


def test_labels_that_are_all_of_other_images_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "classes.txt", "gate\n")
    write(tmp_path / "README.roboflow.txt", "exported from ...\n")
    draw(tmp_path / "train/images/a.png")
    with pytest.raises(ConfigError, match=r"none of its 1 label files is of an image in"):
        read_yolo(tmp_path, tmp_path / "train/images")


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "classes.txt", "gate\n")
    with pytest.raises(ConfigError, match="holds no images"):
        read_yolo(tmp_path, tmp_path)
