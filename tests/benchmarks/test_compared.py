"""Detectors side by side."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.compared import Images, measure
from streamdet.bench.material import Material


def part(image_id: int, name: str) -> dict[str, Any]:
    """One image with one person."""
    return {
        "images": [{"id": image_id, "file_name": name, "width": 128, "height": 160}],
        "annotations": [
            {
                "id": 1,
                "image_id": image_id,
                "category_id": 1,
                "bbox": [10, 10, 40, 90],
                "area": 3600,
                "iscrowd": 0,
            }
        ],
        "categories": [{"id": 1, "name": "person"}],
    }


def test_all_parts_of_a_set_are_measured_as_one(tmp_path: Path) -> None:
    folder = tmp_path / "datasets" / "two"
    (folder / "images").mkdir(parents=True)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / "images" / name), np.zeros((160, 128, 3), np.uint8))
    (folder / "train.json").write_text(json.dumps(part(7, "a.png")))
    (folder / "val.json").write_text(json.dumps(part(7, "b.png")))
    data = Images("two", ("person",), ("train.json", "val.json"))
    rows = measure(Material(tmp_path), ["hog_people"], [data], [])
    assert rows == {("hog_people", "two", name): 0.0 for name in ("AP50", "AP", "recall")}
