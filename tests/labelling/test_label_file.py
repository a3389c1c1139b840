"""The file of labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from streamdet.detections import FrameMasks
from streamdet.evaluation.truths.coco import read_coco
from streamdet.labelling.footage import SeenFrame
from streamdet.labelling.label_file import LabelFile, category_ids
from streamdet.labelling.verdicts import Label
from streamdet.ops.run_length import encode
from tests.labelling.test_following import boxes

CAR = Label("object", 1, (10.0, 20.0, 30.0, 60.5), 0.875, 3, 0)


def seen(number: int, file_name: str | None) -> SeenFrame:
    return SeenFrame(number, (100, 200), file_name, boxes((10, 0.875, 1, 3)))


def test_classes_are_numbered_as_coco_does_and_others_after_them() -> None:
    assert category_ids(["gate", "truck", "person", "lamp"]) == {
        "gate": 91,
        "truck": 8,
        "person": 1,
        "lamp": 92,
    }


def test_the_file_is_read_back_as_truth(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    file = LabelFile(path, {"model": "m"}, {0: "person", 1: "car"})
    weak = Label("ignored", 0, (0.0, 0.0, 5.0, 5.0), None, None, None)
    file.add("a", [seen(0, None), seen(5, "a-5.jpg")], [[CAR], [CAR, weak]])
    file.add("b", [seen(0, "b-0.jpg")], [[CAR]])
    file.write(is_complete=True)
    truth = read_coco(path)
    assert [image.file_name for image in truth.images.values()] == ["a-5.jpg", "b-0.jpg"]
    assert [
        (o.image_id, o.category_id, o.xywh, o.is_ignored, o.track_id) for o in truth.objects
    ] == [
        (1, 3, (10.0, 20.0, 20.0, 40.5), False, 3),
        (1, 1, (0.0, 0.0, 5.0, 5.0), True, None),
        (2, 3, (10.0, 20.0, 20.0, 40.5), False, 6),
    ]
    assert file.counts == {"images": 2, "objects": 2, "ignored": 1}


def test_masks_come_with_their_objects(tmp_path: Path) -> None:
    path, mask = tmp_path / "labels.json", np.zeros((100, 200), bool)
    mask[20:50, 10:30] = True
    masks = FrameMasks((100, 200), (encode(mask),))
    frame = replace(seen(0, "a.jpg"), found=replace(boxes((10, 0.9, 1, 3)), masks=masks))
    file = LabelFile(path, {}, {1: "car"})
    file.add("a", [frame], [[CAR, replace(CAR, verdict="ignored", row=None)]])
    file.write(is_complete=True)
    first, second = read_coco(path).objects
    assert first.segmentation == {"size": [100, 200], "counts": encode(mask).decode()}
    assert (first.area, second.area) == (30 * 20, 20 * 40.5)
    assert second.segmentation is None
