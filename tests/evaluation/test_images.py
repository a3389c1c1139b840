"""A detector over the images of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.errors import ConfigError
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.images import ImageDetector, coco_ap, find_images
from streamdet.image import Pixels
from streamdet.models.model_config import load_model_config
from tests.evaluation.scenes import a_truth, coco_dict, write_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of one image with one cat at x 10..50, y 20..60."""
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), np.zeros((80, 90, 3), np.uint8))
    write_json(tmp_path / "val.json", coco_dict())
    return tmp_path


@pytest.mark.parametrize(("shift", "ap"), [(0.0, 1.0), (100.0, 0.0)])
def test_ap_is_1_where_all_is_found_and_0_where_nothing_is(
    folder: Path, shift: float, ap: float
) -> None:
    def detect(image: Pixels) -> Detections:
        assert image.shape == (80, 90, 3)
        boxes = np.array([[10, 20, 50, 60], [0, 0, 5, 5]], np.float32) + shift
        return Detections(boxes, np.ones(2, np.float32), np.array([1, 0]))

    # Class 0 is unknown to the data set: what is found of it counts neither way.
    assert coco_ap(folder, detect, ("unicorn", "cat")) == pytest.approx(ap)


def test_boxes_come_back_in_the_image_s_pixels() -> None:
    class OneBox:
        runtime_name = "none"

        def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
            assert images[0].shape == (416, 416, 3)  # 208 x 104 pixels, twice as large
            box = np.array([[20, 40, 60, 500]], np.float32)
            return [Detections(box, np.ones(1, np.float32), np.zeros(1, np.int64))]

    detect = ImageDetector(OneBox(), load_model_config("yolox_nano"))
    found = detect(np.zeros((104, 208, 3), np.uint8))
    assert found.xyxy.tolist() == [[10, 20, 30, 104]]  # clipped to the image


def test_an_image_of_another_size_than_its_truth_s_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"a.png: is 90 x 80 pixels, its truth says 80 x 90"):
        read_image(folder / "images" / "a.png", (90, 80))


def test_what_is_no_image_is_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"val.json: cannot be read as an image"):
        read_image(folder / "val.json")


def test_images_are_found_by_name_or_by_stem(tmp_path: Path) -> None:
    for name in ("1.jpg", "1.xml", "2.png"):
        (tmp_path / name).touch()
    found = [(image.image_id, path.name) for image, path in find_images(a_truth(), tmp_path)]
    assert found == [(1, "1.jpg"), (2, "2.png")]


def test_a_missing_image_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no image 1.png of truth.json"):
        find_images(a_truth(), tmp_path)
    with pytest.raises(ConfigError, match="there is no such folder"):
        find_images(a_truth(), tmp_path / "no")
