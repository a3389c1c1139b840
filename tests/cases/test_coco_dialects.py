"""COCO truths with the harmless oddities that labelling tools always write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from streamdet.errors import ConfigError
from streamdet.evaluation.results import read_results
from streamdet.evaluation.truth import Truth
from streamdet.evaluation.truths.coco import read_coco
from streamdet.evaluation.truths.images import read_truth
from tests.evaluation.scenes import coco_dict, write_json


def read(folder: Path, content: dict[str, Any]) -> Truth:
    return read_coco(write_json(folder / "t.json", content))


@pytest.mark.parametrize("twins", [(0, 7), (7, 0)])
def test_a_category_that_nothing_uses_gives_way_to_its_namesake(
    tmp_path: Path, twins: tuple[int, int]
) -> None:
    content = coco_dict() | {"categories": [{"id": number, "name": "cat"} for number in twins]}
    truth = read(tmp_path, content)
    assert (truth.categories, truth.category_ids) == ({7: "cat"}, {"cat": 7})


def test_of_namesakes_that_nothing_uses_the_last_is_kept(tmp_path: Path) -> None:
    content = coco_dict() | {"annotations": []}
    content["categories"].insert(0, {"id": 0, "name": "cat", "supercategory": "none"})
    assert read(tmp_path, content).categories == {7: "cat"}


def test_namesakes_that_are_both_used_are_refused_with_their_ids(tmp_path: Path) -> None:
    content = coco_dict()
    content["categories"].append({"id": 9, "name": "cat"})
    content["annotations"].append({"image_id": 1, "category_id": 9, "bbox": [1, 2, 3, 4]})
    with pytest.raises(ConfigError, match=r"t.json: .*'cat' is there twice, with id 7 and id 9"):
        read(tmp_path, content)


@pytest.mark.parametrize(("labels", "kept"), [("0 .5 .5 1 1", {0: "cat"}), ("", {1: "cat"})])
def test_yolo_s_namesakes_are_one_too(tmp_path: Path, labels: str, kept: dict[int, str]) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 9, 3), np.uint8))
    (tmp_path / "classes.txt").write_text("cat\ncat\n")
    (tmp_path / "a.txt").write_text(labels)
    assert read_truth(tmp_path, tmp_path).categories == kept


def test_a_group_of_another_name_stays(tmp_path: Path) -> None:
    content = coco_dict()
    content["categories"].insert(0, {"id": 0, "name": "objects", "supercategory": None})
    assert read(tmp_path, content).categories == {0: "objects", 7: "cat"}


@pytest.mark.parametrize(
    "stated",
    [
        {"iscrowd": None, "area": None, "segmentation": None},
        {"iscrowd": False, "area": 0, "segmentation": []},
        {"iscrowd": 0.0, "area": -1, "segmentation": [[]]},
        {"iscrowd": "0", "image_id": "1", "category_id": "7"},
        {"image_id": 1.0, "category_id": 7.0, "attributes": {}, "keypoints": None},
    ],
)
def test_what_says_nothing_is_as_if_left_out(tmp_path: Path, stated: dict[str, Any]) -> None:
    content = coco_dict()
    content["annotations"][0] |= stated
    [cat] = read(tmp_path, content).objects
    assert (cat.image_id, cat.category_id, cat.area) == (1, 7, 1600.0)
    assert (cat.is_crowd, cat.segmentation) == (False, None)


def test_a_polygon_may_stand_without_a_list_around_it(tmp_path: Path) -> None:
    content = coco_dict()
    content["annotations"][0]["segmentation"] = [10, 20, 50, 20, 50, 60]
    [cat] = read(tmp_path, content).objects
    assert cat.segmentation == [[10, 20, 50, 20, 50, 60]]


@pytest.mark.parametrize("value", ["a", "", "1.5", 1.5, None, True, [1]])
def test_an_id_that_is_no_whole_number_is_refused(tmp_path: Path, value: Any) -> None:
    content = coco_dict()
    content["images"][0]["id"] = value
    with pytest.raises(ConfigError, match=r"t.json: images\[0\].id: must be a whole number"):
        read(tmp_path, content)


def test_results_may_write_numbers_as_text_too(tmp_path: Path) -> None:
    truth = read(tmp_path, coco_dict())
    entry = {"image_id": "1", "category_id": "7", "bbox": [10, 20, 40, 40], "score": 0.5}
    [found] = read_results(write_json(tmp_path / "found.json", [entry]), truth, "bbox")
    assert (found.image_id, found.category_id) == (1, 7)
