"""Labels of several sources become labels of one model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamdet.errors import ConfigError
from streamdet.training.examples import Example, Faults, examples_of
from streamdet.training.recipe import DataSource
from tests.evaluation.scenes import coco_dict, write_json

CLASSES = ("cat", "dog")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((80, 90, 3), np.uint8))
    return tmp_path


def of(folder: Path, *, skips: bool = False, **options: Any) -> tuple[list[Example], list[str]]:
    source = DataSource.model_validate_json(
        DataSource(truth=folder / "t.json", images=folder / "images").model_dump_json()
    ).model_copy(update=options)
    faults = Faults(are_skipped=skips)
    return examples_of(source, CLASSES, faults), faults.sentences


def write(folder: Path, *annotations: dict[str, Any]) -> None:
    content = coco_dict()
    content["categories"] = [
        {"id": n, "name": name} for n, name in ((7, "cat"), (9, "dog"), (4, "puppy"), (5, "car"))
    ]
    content["annotations"] = [
        {"id": n, "image_id": 1, "category_id": 7, "bbox": [10, 20, 40, 40], **each}
        for n, each in enumerate(annotations)
    ]
    write_json(folder / "t.json", content)


def test_classes_are_those_of_the_model(folder: Path) -> None:
    write(folder, {"category_id": 9}, {"category_id": 5}, {"category_id": 7})
    [example], _ = of(folder)
    image = example.read(has_masks=False)
    assert image.class_ids.tolist() == [1, 0]  # the car is background
    assert image.xyxy.tolist() == [[10, 20, 50, 60]] * 2
    assert image.is_labelled.tolist() == [True, True]


def test_classes_that_a_source_does_not_label_completely_are_told(folder: Path) -> None:
    write(folder, {})
    [example], _ = of(folder, labels=("dog",))
    assert example.is_labelled == (False, True)
    assert len(example.objects) == 1  # what is known of the other class stays


def test_images_of_other_licences_are_left_out(folder: Path) -> None:
    write(folder, {})
    content = json.loads((folder / "t.json").read_text())
    content["licenses"] = [{"id": 1, "name": "CC BY 4.0"}, {"id": 2, "name": "CC BY-NC 2.0"}]
    content["images"] = [{**content["images"][0], "id": number + 1, "file_name": "a.png",
                          "license": licence} for number, licence in enumerate((2, 1))]  # fmt: skip
    content["annotations"][0]["image_id"] = 2
    write_json(folder / "t.json", content)
    [example], _ = of(folder, licences=("CC BY 4.0",))
    assert len(example.objects) == 1
    assert len(of(folder)[0]) == 2
    with pytest.raises(
        ConfigError, match=r"t\.json: has no image of the licence 'CC BY 4'; .*'CC BY 4.0'"
    ):
        of(folder, licences=("CC BY 4",))


def test_classes_are_renamed_or_left_out(folder: Path) -> None:
    write(folder, {"category_id": 4}, {"category_id": 5, "bbox": [0, 0, 9, 9]})
    [example], _ = of(folder, rename={"puppy": "dog"}, ignore=("car",))
    image = example.read(has_masks=False)
    assert image.class_ids.tolist() == [1]
    assert image.ignored.tolist() == [[0, 0, 9, 9]]


def test_crowds_are_neither_object_nor_background(folder: Path) -> None:
    write(folder, {"iscrowd": 1}, {"bbox": [80, 20, 40, 40]})
    [example], _ = of(folder)
    image = example.read(has_masks=False)
    assert image.ignored.tolist() == [[10, 20, 50, 60]]
    assert image.xyxy.tolist() == [[80, 20, 90, 60]]  # clipped to the image


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"bbox": [10, 20, 0, 40]}, r"t.json: annotations\[1\]: a box must have some area in"),
        ({"bbox": [95, 20, 5, 5]}, r"t.json: annotations\[1\]: .* 90 x 80 pixels, got left 95"),
        ({"bbox": [1, 2]}, r"t.json: annotations\[1\].bbox: must be 4 finite numbers"),
        ({"category_id": 1}, r"annotations\[1\].category_id: there is no category 1"),
    ],
)
def test_a_wrong_label_is_refused_by_its_place_or_left_out_and_told(
    folder: Path, fault: dict[str, Any], sentence: str
) -> None:
    write(folder, {}, fault)
    with pytest.raises(ConfigError, match=sentence):
        of(folder)
    [example], [told] = of(folder, skips=True)
    assert len(example.objects) == 1
    with pytest.raises(ConfigError, match=sentence):
        raise ConfigError(told)


def test_what_is_odd_about_labels_is_told(folder: Path) -> None:
    (folder / "classes.txt").write_text("cat\n")
    (folder / "a.txt").write_text("0 0.5 0.5 0.2 0.2 0.9\n")
    faults = Faults(are_skipped=False)
    examples_of(DataSource(truth=folder, images=folder / "images"), CLASSES, faults)
    assert faults.notes == [f"{folder}: labels with a confidence, which does not count: 1"]


def test_a_missing_image_is_refused_or_left_out(folder: Path) -> None:
    write(folder, {})
    (folder / "images" / "a.png").unlink()
    with pytest.raises(ConfigError, match=r"has no image a.png"):
        of(folder)
    assert of(folder, skips=True)[0] == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rename": {"pupy": "dog"}}, "has no class 'pupy'; did you mean 'puppy'"),
        ({"labels": ("bird",)}, "labels name the class 'bird', which the model does not have"),
        (
            {"rename": {"cat": "lion", "dog": "wolf"}},
            "has none of the model's classes, cat, dog; it has lion, wolf, puppy, car",
        ),
    ],
)
def test_names_of_classes_are_checked(folder: Path, options: dict[str, Any], sentence: str) -> None:
    write(folder, {})
    with pytest.raises(ConfigError, match=sentence):
        of(folder, **options)


def test_of_many_classes_some_are_named(folder: Path) -> None:
    write(folder, {})
    with pytest.raises(
        ConfigError, match="model's classes, 0, 1, 2, 3, 4, 5, 6, 7 and 72 more; it"
    ):
        examples_of(
            DataSource(truth=folder / "t.json", images=folder / "images"),
            [str(number) for number in range(80)],
            Faults(are_skipped=False),
        )


def test_an_object_without_a_mask_is_left_out_where_masks_are_wanted(folder: Path) -> None:
    write(folder, {}, {"segmentation": [[0, 0, 30, 0, 30, 20, 0, 20]], "bbox": [0, 0, 30, 20]})
    [example], _ = of(folder)
    image = example.read(has_masks=True)
    assert image.masks is not None
    assert image.masks.shape == (1, 80, 90)
    assert image.masks.sum() == 600
    assert image.ignored.tolist() == [[10, 20, 50, 60]]


def test_keypoints_that_an_object_lacks_are_unknown(folder: Path) -> None:
    write(folder, {"keypoints": [1, 2, 2, 3, 4, 1]}, {})
    [example], _ = of(folder)
    keypoints = example.read(has_masks=False).keypoints
    assert keypoints is not None
    assert keypoints.tolist() == [[[1, 2, 2], [3, 4, 1]], [[0, 0, 0], [0, 0, 0]]]


def test_a_source_without_masks_or_points_has_none(folder: Path) -> None:
    write(folder, {})
    [example], _ = of(folder)
    image = example.read(has_masks=True)
    assert image.masks is None
    assert image.keypoints is None
    assert len(image.xyxy) == 1


def test_upright_points_come_from_masks_where_there_are_any(folder: Path) -> None:
    write(folder, {}, {"segmentation": [[0, 0, 30, 0, 30, 20, 0, 20]], "bbox": [0, 0, 30, 20]})
    [example], _ = of(folder, points="upright")
    keypoints = example.read(has_masks=False).keypoints
    assert keypoints is not None
    # of the box 10, 20, 40, 40 the middle line; of the mask, which is a box too, its own
    assert keypoints[0].tolist() == [[30, 20, 2], [30, 40, 2], [30, 60, 2]]
    assert keypoints[1].tolist() == [[15, 0, 2], [15, 10, 2], [15, 20, 2]]
